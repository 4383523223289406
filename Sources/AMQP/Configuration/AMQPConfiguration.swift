public import Logging
internal import CoreMetrics
internal import NIOCore
internal import NIOPosix

/// Everything a connection needs to know.
///
/// ```swift
/// var configuration = try AMQPConfiguration(uri: "amqp://guest:guest@localhost")
/// configuration.name = "bookings"
/// ```
public struct AMQPConfiguration: Sendable {
  /// A broker's address.
  public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A name, an IPv4 or an IPv6 address (without brackets).
    public var host: String
    /// The port.
    public var port: Int

    /// An address.
    public init(host: String = "localhost", port: Int = 5672) {
      self.host = host
      self.port = port
    }

    /// What it is in words, without secrets.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// The brokers of a cluster. Each attempt shuffles them, looks up their names again and tries all before it pauses.
  public var endpoints: [Endpoint]
  /// Who the client is.
  public var credentials: AMQPCredentials
  /// Where credentials come from that do not last. If it is set, ``credentials`` is not used.
  public var credentialsProvider: AMQPCredentialsProvider?
  /// The virtual host.
  public var virtualHost: String
  /// TLS, or `nil` for plain TCP.
  public var tls: AMQPTLS?
  /// The name of the connection in the broker's management pages and logs.
  public var name: String?
  /// Further client properties for the management pages.
  public var clientProperties: AMQPTable = [:]
  /// The heartbeat interval to propose. A broker that is silent for two intervals counts as dead. Zero turns heartbeats off
  /// if the broker agrees; do not do that behind a middlebox.
  public var heartbeat: Duration = .seconds(10)
  /// The largest frame to propose, in bytes, from 8,192.
  public var frameMax = 131_072
  /// The most channels to propose; 0 leaves it to the broker.
  public var channelMax = 2047
  /// The largest body that is accepted from the broker, in bytes.
  public var maxInboundBodySize = 64 << 20
  /// The largest body that is sent, in bytes. The broker's own limit is 128 MiB up to 3.13 and 16 MiB from 4.0; what exceeds
  /// that closes the channel and endangers its neighbours, so it is refused here.
  public var maxOutboundBodySize = 16 << 20
  /// How long TCP and TLS may take for one endpoint.
  public var connectTimeout: Duration = .seconds(10)
  /// How long the broker may take from the first byte to an open connection.
  public var handshakeTimeout: Duration = .seconds(10)
  /// How long the broker may take to answer a request, waiting for a lost connection included.
  public var replyTimeout: Duration = .seconds(30)
  /// How long closing waits: for confirms that are due and then for the close handshake. Also how long the end of a channel or
  /// consumer waits while the broker reads nothing, as it does in an alarm; else that is `replyTimeout`.
  public var closeTimeout: Duration = .seconds(5)
  /// How the connection comes back when it is lost.
  public var recovery = AMQPRecoveryPolicy()
  /// What to declare when the connection opens, and each time it comes back.
  public var topology = AMQPTopology()
  /// Called for every message before it is published, on the publishing task: the place to put a trace into the headers.
  public var onPublish: (@Sendable (inout AMQPMessage) -> Void)?
  /// Where the connection logs.
  public var logger = Logger(label: "amqp")
  /// Where metrics go; by default what the program set up for all. For tests.
  var metricsFactory: (any MetricsFactory)?
  /// What looks up names; by default the system. For tests.
  var resolver: (any Resolver & Sendable)?

  /// A configuration for these endpoints.
  public init(
    endpoints: [Endpoint] = [Endpoint()], credentials: AMQPCredentials = .guest, virtualHost: String = "/",
    tls: AMQPTLS? = nil, name: String? = nil
  ) {
    self.endpoints = endpoints
    self.credentials = credentials
    self.virtualHost = virtualHost
    self.tls = tls
    self.name = name
  }

  /// Throws if the values contradict the protocol.
  func check() throws(AMQPError) {
    func require(_ condition: Bool, _ text: String) throws(AMQPError) {
      if !condition { throw AMQPError(.invalidConfiguration, text) }
    }
    try require(!endpoints.isEmpty, "There is no endpoint: name at least one broker.")
    for endpoint in endpoints {
      try require((1...65535).contains(endpoint.port), "The port \(endpoint.port) does not exist.")
    }
    try require(
      (8192...(1 << 30)).contains(frameMax), "frameMax must be from 8,192 bytes, which brokers require, to 1 GiB.")
    try require((0...65535).contains(channelMax), "channelMax must be from 0 to 65,535.")
    let seconds = heartbeat.components.seconds
    try require((0...65535).contains(seconds), "The heartbeat must be from 0 to 65,535 seconds.")
    try require(heartbeat == .zero || seconds >= 1, "A heartbeat is a whole number of seconds, at least 1.")
    if let tls {
      for name in endpoints.map(\.host) + [tls.serverName ?? "localhost"] {
        try require(
          (1...255).contains(name.utf8.count) && !name.utf8.contains(0),
          "A name that TLS checks must have 1 to 255 bytes and no zero among them.")
      }
      try require(
        tls.serverName.map(AMQPTLS.isAddress) != true,
        "The TLS server name must be a name. Connect to an address to have the certificate checked for it.")
    }
    try Limit.check(virtualHost, "name of the virtual host")
    let properties = Method.connectionStartOk(
      properties: allClientProperties, mechanism: "", response: ByteBuffer(), locale: "")
    do throws(AMQPError) { try Limit.check(properties, frameMax: 0) } catch {
      throw AMQPError(.invalidConfiguration, "The client properties, or the connection's name: \(error.message)")
    }
    try require(maxInboundBodySize >= 0 && maxOutboundBodySize >= 0, "The limit of a body must not be negative.")
    try topology.check(frameMax: frameMax)
  }

  /// What the client tells the broker about itself.
  var allClientProperties: AMQPTable {
    var properties: AMQPTable = [
      "product": "Warren AMQP", "version": "0.1.0", "platform": "Swift",
      "capabilities": [
        "publisher_confirms": true, "basic.nack": true, "consumer_cancel_notify": true, "connection.blocked": true,
        "authentication_failure_close": true, "per_consumer_qos": true, "exchange_exchange_bindings": true,
      ],
    ]
    if let name { properties["connection_name"] = .string(name) }
    for (key, value) in clientProperties { properties[key] = value }
    return properties
  }
}
