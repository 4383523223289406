import Foundation
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// What the tests with TLS need, named by the environment.
enum TLSBroker {
  private static func value(_ name: String) -> String? {
    ProcessInfo.processInfo.environment["WARREN_TEST_TLS_\(name)"]
  }

  /// Such as `amqps://guest:guest@localhost:5671`, with a name that is in the broker's certificate.
  static let uri = value("URI")
  static let authorities = value("CA")
  static let certificate = value("CERT")
  static let key = value("KEY")
  /// An authority that did not sign the broker's certificate, and a client's certificate of it.
  static let strangers = value("STRANGER_CA")
  static let strangerCertificate = value("STRANGER_CERT")
  static let strangerKey = value("STRANGER_KEY")

  static var isThere: Bool { uri != nil && authorities != nil }
  static var hasCertificate: Bool { isThere && certificate != nil && key != nil }
  static var hasStranger: Bool {
    isThere && strangers != nil && strangerCertificate != nil && strangerKey != nil
  }

  static func configuration(query: [String: String] = [:]) throws -> AMQPConfiguration {
    let query = query.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    var configuration = try AMQPConfiguration(
      uri: "\(uri ?? "amqps://localhost")?cacertfile=\(authorities ?? "")\(query.isEmpty ? "" : "&" + query)")
    configuration.name = "amqp-tests-tls"
    configuration.replyTimeout = .seconds(10)
    configuration.recovery.firstBound = .milliseconds(5)
    configuration.recovery.lastBound = .milliseconds(100)
    return configuration
  }

  /// Publishes a large message and takes it back.
  static func exchange(_ configuration: AMQPConfiguration, user: String? = nil) async throws {
    try await AMQPConnection.withConnection(configuration) { connection in
      let channel = try await connection.openChannel()
      let queue = try await channel.declareQueue("", exclusive: true).name
      let body = ByteBuffer(repeating: 9, count: 1_000_000)
      try await channel.publish(AMQPMessage(routingKey: queue, properties: .init(userID: user), body: body))
      let delivery = try await channel.get(queue)
      #expect(delivery?.body == body)
      delivery?.ack()
    }
  }

  static func refusal(_ configuration: AMQPConfiguration) async throws -> AMQPError? {
    var configuration = configuration
    // What TLS refuses is not tried again, even by the patient.
    configuration.recovery.retriesFirstConnect = true
    let patient = configuration
    return try await within(.seconds(20)) {
      await amqpError { try await AMQPConnection.withConnection(patient) { _ in } }
    }
  }
}

@Suite(
  "TLS with a real broker",
  .enabled(
    if: TLSBroker.isThere, "skipped: set WARREN_TEST_TLS_URI and WARREN_TEST_TLS_CA to a broker's URI and authority")
)
struct TLSTests {
  @Test("A broker whose certificate and name are right is spoken to, by URI and by settings, with TLS 1.3 too")
  func speaks() async throws {
    try await within {
      let byURI = try TLSBroker.configuration(query: ["verify": "verify_peer"])
      #expect(byURI.tls?.verification == .full)
      try await TLSBroker.exchange(byURI)
      var settings = byURI
      settings.tls = AMQPTLS(authoritiesFile: TLSBroker.authorities, minimumVersion: .tls13)
      try await TLSBroker.exchange(settings)
    }
  }

  @Test("The name that is checked is the server name's, then the host's; an address must be in the certificate itself")
  func names() async throws {
    var configuration = try TLSBroker.configuration()
    configuration.tls?.serverName = "elsewhere.example"
    // The certificate carries the address, too; that does not make it one for another name.
    let wrong = try await TLSBroker.refusal(configuration)
    #expect(wrong?.code == .tlsFailed)
    #expect(wrong?.isRetryable == false)
    configuration.tls?.verification = .noHostname
    try await TLSBroker.exchange(configuration)

    configuration.tls?.verification = .full
    configuration.tls?.serverName = "localhost"
    configuration.endpoints[0].host = "127.0.0.1"
    try await TLSBroker.exchange(configuration)
    configuration.tls?.serverName = nil
    try await TLSBroker.exchange(configuration)

    configuration.tls?.serverName = "127.0.0.1"
    #expect(try await TLSBroker.refusal(configuration)?.code == .invalidConfiguration)
    configuration.tls?.serverName = "not a\u{0}name"
    #expect(try await TLSBroker.refusal(configuration)?.code == .invalidConfiguration)
  }

  @Test(
    "A certificate of an unknown authority is refused unless nothing is verified", .enabled(if: TLSBroker.hasStranger))
  func authorities() async throws {
    var configuration = try TLSBroker.configuration()
    configuration.tls?.authoritiesFile = TLSBroker.strangers
    let stranger = try await TLSBroker.refusal(configuration)
    #expect(stranger?.code == .tlsFailed)
    #expect(stranger?.isRetryable == false)
    configuration.tls?.authoritiesFile = nil
    #expect(try await TLSBroker.refusal(configuration)?.code == .tlsFailed)
    configuration.tls?.authoritiesFile = "/nowhere/ca.pem"
    #expect(try await TLSBroker.refusal(configuration)?.code == .invalidConfiguration)
    configuration = try TLSBroker.configuration(query: ["verify": "verify_none"])
    configuration.tls?.authoritiesFile = TLSBroker.strangers
    try await TLSBroker.exchange(configuration)
  }

  @Test(
    "A client certificate logs in by EXTERNAL, from two files or one",
    .enabled(if: TLSBroker.hasCertificate, "skipped: set WARREN_TEST_TLS_CERT and WARREN_TEST_TLS_KEY as well"))
  func external() async throws {
    let certificate = try #require(TLSBroker.certificate)
    let key = try #require(TLSBroker.key)
    let configuration = try TLSBroker.configuration(query: [
      "certfile": certificate, "keyfile": key, "auth_mechanism": "external",
    ])
    #expect(configuration.credentials == .external)
    // The broker refuses a user id that is not the login, so this shows who the client is.
    try await within { try await TLSBroker.exchange(configuration, user: "guest") }

    let both = FileManager.default.temporaryDirectory.appendingPathComponent("amqp-\(UUID()).pem")
    let text = try String(contentsOfFile: certificate, encoding: .utf8) + String(contentsOfFile: key, encoding: .utf8)
    try text.write(to: both, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: both) }
    var one = configuration
    one.tls?.certificateFile = both.path
    one.tls?.keyFile = nil
    try await TLSBroker.exchange(one, user: "guest")

    var none = configuration
    none.tls?.certificateFile = nil
    none.tls?.keyFile = nil
    let error = try await TLSBroker.refusal(none)
    #expect(error?.code == .authenticationFailed)
    one.tls?.certificateFile = certificate
    #expect(try await TLSBroker.refusal(one)?.code == .invalidConfiguration)
  }

  @Test("A client certificate that the broker does not accept fails at once", .enabled(if: TLSBroker.hasStranger))
  func strangeClient() async throws {
    var configuration = try TLSBroker.configuration()
    configuration.tls?.certificateFile = TLSBroker.strangerCertificate
    configuration.tls?.keyFile = TLSBroker.strangerKey
    let error = try await TLSBroker.refusal(configuration)
    #expect(error?.code == .tlsFailed)
  }

  @Test("TLS to a port that does not speak it, and the other way round, end with a typed error")
  func mismatch() async throws {
    var plain = try TLSBroker.configuration()
    plain.tls = nil
    plain.recovery.isEnabled = false
    let configuration = plain
    let error = try await within(.seconds(20)) {
      await amqpError { try await AMQPConnection.withConnection(configuration) { _ in } }
    }
    #expect(error.map { [.versionMismatch, .handshakeFailed, .protocolViolation].contains($0.code) } == true)
    guard RealBroker.isThere else { return }
    var secure = try RealBroker.configuration()
    secure.tls = AMQPTLS(authoritiesFile: TLSBroker.authorities)
    secure.recovery.isEnabled = false
    let other = secure
    let refusal = try await within(.seconds(20)) {
      await amqpError { try await AMQPConnection.withConnection(other) { _ in } }
    }
    // The broker answers with its own protocol and hangs up; a reset of the socket can overtake that answer.
    #expect(refusal?.code == .tlsFailed || refusal?.code == .handshakeFailed)
  }

  @Test("A connection cut anywhere in TLS's handshake or after it comes back and loses nothing")
  func cuts() async throws {
    try await within(.seconds(100)) {
      let endpoint = try TLSBroker.configuration().endpoints[0]
      for offset in stride(from: 0, to: 6000, by: 230) {
        var behaviour = FaultProxy.Behaviour()
        if offset % 460 == 0 { behaviour.cutAfterBytesFromBroker = offset }
        if offset % 460 != 0 { behaviour.cutAfterBytesFromClient = offset }
        try await FaultProxy.run(to: endpoint, behaviour) { proxy in
          var configuration = try TLSBroker.configuration()
          configuration.tls?.serverName = endpoint.host
          configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
          configuration.recovery.retriesFirstConnect = true
          let queue = RealBroker.name("tls-cut")
          configuration.topology = AMQPTopology(queues: [.init(queue)])
          try await AMQPConnection.withConnection(configuration) { connection in
            let channel = try await connection.openChannel(.init(resendsUnknown: true))
            for index in 0..<5 {
              try await channel.publish(
                AMQPMessage(routingKey: queue, properties: .init(messageID: "\(index)"), body: "x"))
            }
          }
          try await AMQPConnection.withConnection(try TLSBroker.configuration()) { connection in
            let channel = try await connection.openChannel()
            var ids: Set<String> = []
            while let delivery = try await channel.get(queue, noAck: true) {
              ids.insert(delivery.properties.messageID ?? "")
            }
            #expect(ids == ["0", "1", "2", "3", "4"], "cut at \(offset)")
            try await channel.deleteQueue(queue)
          }
        }
      }
    }
  }

  @Test("A half-open connection is given up by its heartbeats at once, without waiting for TLS's close")
  func halfOpen() async throws {
    try await within(.seconds(30)) {
      let endpoint = try TLSBroker.configuration().endpoints[0]
      try await FaultProxy.run(to: endpoint) { proxy in
        var configuration = try TLSBroker.configuration()
        configuration.tls?.serverName = endpoint.host
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        configuration.heartbeat = .seconds(1)
        try await AMQPConnection.withConnection(configuration) { connection in
          let states = connection.states()
          let start = ContinuousClock.now
          proxy.stall()
          for await state in states {
            guard case .recovering(let reason) = state else { continue }
            #expect(reason.code == .heartbeatTimeout)
            break
          }
          // Dead after two to three seconds. TLS's close would take five more.
          #expect(ContinuousClock.now - start < .seconds(6))
          proxy.resume()
          for await state in states { if case .open = state { break } }
        }
      }
    }
  }
}
