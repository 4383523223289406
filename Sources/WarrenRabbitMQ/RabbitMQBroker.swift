internal import AMQP
internal import Foundation
public import Logging
internal import Synchronization
public import Warren

/// An engine on a RabbitMQ cluster, from 3.10 on, without plugins.
///
/// ```swift
/// let broker = try RabbitMQBroker(url: "amqp://user:password@rabbit.internal")
/// ```
/// Messages lie in quorum queues, are persistent, and are published with the mandatory flag and a confirm. A retry is a
/// confirmed copy into a queue whose messages expire back into the queue that failed; then the delivery is acknowledged.
///
/// What RabbitMQ cannot do is missing from its ``capabilities``, and two things of it differ: a queue's delayed messages
/// cannot be counted or purged, and beside the prefetch of a consumer one suspect (see `Delivery.isSuspect`) may be out.
public final class RabbitMQBroker: Broker {
  let configuration: RabbitMQConfiguration
  let clock: any BrokerClock
  let logger: Logger
  let gate = Gate<Session>()
  let registry = Registry()
  let consumption = Consumption()
  let sweepLocks = LocalLocks()
  let management: ManagementAPI
  let started = Date()
  private let amqp: AMQPConfiguration

  /// An engine on one broker, `amqp://user:password@host:port/virtual-host`.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when the URL cannot be read. The message does not show it.
  public convenience init(
    url: String, configuration: RabbitMQConfiguration = .init(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.rabbitmq")
  ) throws(BrokerError) {
    try self.init(urls: [url], configuration: configuration, clock: clock, logger: logger)
  }

  /// An engine on a cluster: any of these may be used, and they may differ in host and port only.
  ///
  /// Beside what RabbitMQ's URI specification knows, the query of the first may name the management API:
  /// `?management=http://host:15672`.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when a URL cannot be read. The message does not show it.
  public init(
    urls: [String], configuration: RabbitMQConfiguration = .init(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.rabbitmq")
  ) throws(BrokerError) {
    let addresses = urls.map { Address($0) }
    do throws(AMQPError) {
      var amqp = try AMQPConfiguration(uris: addresses.map(\.uri))
      if !addresses.contains(where: { $0.uri.contains("heartbeat=") }) { amqp.heartbeat = configuration.heartbeat }
      if !addresses.contains(where: { $0.uri.contains("connection_timeout=") }) {
        amqp.connectTimeout = configuration.connectDeadline
        amqp.handshakeTimeout = configuration.connectDeadline
      }
      amqp.recovery = AMQPRecoveryPolicy(lastBound: configuration.longestReconnectPause, retriesFirstConnect: true)
      amqp.maxOutboundBodySize = Limits.largestBody
      // What is in a queue came in by somebody's limit, which may be the 128 MiB of an older broker.
      amqp.maxInboundBodySize = 128 << 20
      amqp.logger = logger
      self.amqp = amqp
    } catch {
      throw BrokerError(error, doing: "reading the URL of RabbitMQ")
    }
    var configuration = configuration
    if configuration.management == nil { configuration.management = addresses.lazy.compactMap(\.management).first }
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    management = ManagementAPI(
      base: configuration.management, credentials: addresses.first?.credentials, virtualHost: amqp.virtualHost)
  }

  /// What this engine can do beyond the laws. The version is known once the broker runs.
  public var capabilities: BrokerCapabilities {
    let server = gate.value?.server
    return BrokerCapabilities(
      engine: server?.name ?? "RabbitMQ", ordersByPriority: server?.ordersByPriority ?? false,
      showsWaitingMessages: false, largestBody: Limits.largestBody)
  }

  /// Connects, and stays connected until the task is cancelled or the service is shut down.
  ///
  /// - Throws: ``BrokerError`` when no repetition can help, such as for a wrong password.
  public func run() async throws {
    guard gate.begin() else {
      throw BrokerError(.invalid, "the broker runs already, or was stopped: make another one")
    }
    defer { gate.shut(BrokerError(.stopped, "the broker was stopped: nothing more is done")) }
    let name = configuration.connectionName ?? Self.processName
    let publishing = AMQPConnection(named(name + " publishing"))
    let consuming = AMQPConnection(named(name))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await publishing.run() }
        group.addTask { try await consuming.run() }
        group.addTask { try await self.open(publishing, consuming) }
        // The end of either connection ends the broker: in good order when it is shut down, or for an error that trying again does not correct.
        while try await group.next() != nil { if consuming.state.isFinal || publishing.state.isFinal { break } }
        group.cancelAll()
      }
    } catch let error as AMQPError {
      let failure = BrokerError(error, doing: "connecting to RabbitMQ")
      gate.shut(failure)
      throw failure
    }
  }

  /// Opens the gate, then listens to what is announced to all processes.
  private func open(_ publishing: AMQPConnection, _ consuming: AMQPConnection) async throws {
    do throws(AMQPError) {
      try await consuming.waitUntilOpen()
      try await publishing.waitUntilOpen()
    } catch { return }  // Its run() throws the same.
    let server = Server(properties: await consuming.serverProperties)
    let options = AMQPChannelOptions(publishTimeout: configuration.publishDeadline)
    let session = try await asBrokerError("opening channels") {
      Session(
        server: server, publishing: publishing, consuming: consuming,
        publishes: try await publishing.openChannel(options), copies: try await publishing.openChannel(options))
    }
    if !server.isSupported {
      logger.warning("This version of RabbitMQ is older than 3.10, the oldest that Warren is tested with")
    }
    gate.open(session)
    await listen(session)
  }

  private func named(_ name: String) -> AMQPConfiguration {
    var named = amqp
    named.name = String(name.prefix(200))
    return named
  }

  static var processName: String {
    let process = ProcessInfo.processInfo
    return "\(process.hostName):\(process.processIdentifier) \(process.processName)"
  }

  /// The connections, once there are.
  func session() async throws(BrokerError) -> Session { try await gate.pass(within: configuration.startDeadline) }
}

/// The parts of a URL that the AMQP client does not give back or does not know.
struct Address {
  let uri: String
  let management: URL?
  let credentials: (user: String, password: String)?

  init(_ url: String) {
    guard var parts = URLComponents(string: url) else {
      // The AMQP client says what is wrong with it.
      (uri, management, credentials) = (url, nil, nil)
      return
    }
    credentials = (parts.user ?? "guest", parts.password ?? "guest")
    let items = parts.queryItems ?? []
    if let named = items.first(where: { $0.name == "management" })?.value.flatMap({ URL(string: $0) }) {
      let others = items.filter { $0.name != "management" }
      parts.queryItems = others.isEmpty ? nil : others
      uri = parts.string ?? url
      management = named
    } else {
      uri = url
      let isSecure = parts.scheme?.lowercased() == "amqps"
      var derived = URLComponents()
      derived.scheme = isSecure ? "https" : "http"
      derived.host = parts.host ?? "localhost"
      derived.port = isSecure ? 15671 : 15672
      management = derived.url
    }
  }
}
