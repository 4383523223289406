import Foundation
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// Messages and calls that must not end a connection to a real broker, and refusals that pass.
@Suite("Poison and refusals of a real broker", .enabled(if: RealBroker.isThere, RealBroker.skipped), .serialized)
struct RealPoisonTests {
  /// Publishes a message of these headers and this size, and one behind it, and returns what a consumer with a small limit gets.
  private func consume(
    headers: AMQPTable?, size: Int, change: @escaping @Sendable (inout AMQPConfiguration) -> Void, expected: [Int]
  ) async throws {
    try await within(.seconds(30)) {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { publishing in
        let publisher = try await publishing.openChannel()
        let queue = RealBroker.name("poison")
        try await publisher.declareQueue(queue)
        var properties = AMQPProperties.persistent
        properties.headers = headers
        try await publisher.publish(
          AMQPMessage(routingKey: queue, properties: properties, body: ByteBuffer(repeating: 1, count: size)))
        try await publisher.publish(AMQPMessage(routingKey: queue, body: "good"))
        var configuration = try RealBroker.configuration(name: "poisoned")
        configuration.recovery = .none
        change(&configuration)
        try await AMQPConnection.withConnection(configuration) { connection in
          try await connection.consume(queue) { deliveries in
            var sizes: [Int] = []
            for try await delivery in deliveries {
              sizes.append(delivery.body.readableBytes)
              delivery.ack()
              if sizes.count == expected.count { break }
            }
            #expect(sizes == expected)
          }
          _ = try await connection.withChannel { try await $0.queueInfo(queue) }
        }
        await eventually { (try? await publisher.queueInfo(queue).messageCount) == 0 }
        _ = try await publisher.deleteQueue(queue)
      }
    }
  }

  @Test("A header frame beyond the agreed limit is taken, as brokers send them")
  func longHeaders() async throws {
    try await consume(
      headers: ["big": .string(String(repeating: "h", count: 20_000))], size: 4, change: { $0.frameMax = 8192 },
      expected: [4, 4])
  }

  @Test("A body over the limit is refused, and the message behind it arrives")
  func largeBody() async throws {
    try await consume(headers: nil, size: 2000, change: { $0.maxInboundBodySize = 1000 }, expected: [4])
  }

  @Test("A message that comes back and is larger than what is accepted is unroutable")
  func returned() async throws {
    var configuration = try RealBroker.configuration()
    configuration.maxInboundBodySize = 1000
    configuration.recovery = .none
    try await AMQPConnection.withConnection(configuration) { connection in
      let channel = try await connection.openChannel()
      let message = AMQPMessage(
        routingKey: RealBroker.name("nowhere"), properties: .init(messageID: "one"),
        body: String(repeating: "r", count: 2000))
      #expect(await amqpError { try await channel.publish(message) }?.code == .unroutable)
    }
  }

  @Test("Arguments larger than a frame are that call's error")
  func largeArguments() async throws {
    var configuration = try RealBroker.configuration()
    configuration.recovery = .none
    try await AMQPConnection.withConnection(configuration) { connection in
      let channel = try await connection.openChannel()
      let error = await amqpError {
        try await channel.declareQueue(
          RealBroker.name("big"), exclusive: true,
          arguments: ["x-big": .string(String(repeating: "a", count: 200_000))])
      }
      #expect(error?.code == .invalidArgument)
      _ = try await channel.declareQueue("", exclusive: true)
    }
  }

  @Test("The broker takes a new secret while the connection is open")
  func updateSecret() async throws {
    var configuration = try RealBroker.configuration(name: "secrets")
    configuration.recovery = .none
    try await within(.seconds(30)) { [configuration] in
      let connection = AMQPConnection(configuration)
      async let running: Void = connection.run()
      try await connection.waitUntilOpen()
      try await connection.updateSecret("guest")
      _ = try await connection.withChannel { try await $0.declareQueue("", exclusive: true) }
      await connection.close()
      try await running
    }
  }
}

/// Run with the other tests that take the broker from its other users.
@Suite(
  "Limits of a real broker",
  .enabled(
    if: BrokerControl.isThere,
    "skipped: set WARREN_TEST_BROKER_SCRIPT, WARREN_TEST_BROKER_DIR and WARREN_TEST_BROKER_NODE as well"), .serialized)
struct RealLimitTests {
  @Test("A limit of connections that is met after a half-open loss is waited for")
  func connectionLimit() async throws {
    // Most of it is rabbitmqctl, which is started four times.
    try await within(.seconds(300)) {
      let host = RealBroker.name("limited")
      try await BrokerControl.run("ctl", "add_vhost", host)
      try await BrokerControl.run("ctl", "set_permissions", "-p", host, "guest", ".*", ".*", ".*")
      try await BrokerControl.run("ctl", "set_vhost_limits", "-p", host, #"{"max-connections":1}"#)
      try await FaultProxy.run(to: try RealBroker.configuration().endpoints[0]) { proxy in
        var configuration = try RealBroker.configuration(name: "limited")
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        configuration.virtualHost = host
        configuration.heartbeat = .seconds(2)
        configuration.recovery.lastBound = .milliseconds(500)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let states = connection.states()
          await proxy.dropClientSides()
          for await state in states { if case .recovering = state { break } }
          try await connection.waitUntilOpen()
          _ = try await channel.declareQueue("", exclusive: true)
        }
      }
      try await BrokerControl.run("ctl", "delete_vhost", host)
    }
  }

  @Test("Channels that the user's limit keeps away after a half-open loss come back, all of them")
  func channelLimit() async throws {
    try await within(.seconds(300)) {
      let user = RealBroker.name("limited")
      try await BrokerControl.run("ctl", "add_user", user, "secret")
      try await BrokerControl.run("ctl", "set_permissions", user, ".*", ".*", ".*")
      try await BrokerControl.run("ctl", "set_user_limits", user, #"{"max-channels":20}"#)
      try await FaultProxy.run(to: try RealBroker.configuration().endpoints[0]) { proxy in
        var configuration = try RealBroker.configuration(name: "limited-channels")
        configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
        configuration.credentials = .plain(user: user, password: "secret")
        configuration.heartbeat = .seconds(2)
        configuration.recovery.lastBound = .milliseconds(500)
        try await AMQPConnection.withConnection(configuration) { connection in
          var channels: [AMQPChannel] = []
          for _ in 0..<20 { channels.append(try await connection.openChannel()) }
          #expect(await amqpError { _ = try await connection.openChannel() }?.code == .noFreeChannel)
          for channel in channels { _ = try await channel.declareQueue("", exclusive: true) }
          await proxy.dropClientSides()
          for channel in channels {
            // It fails where another channel's refusal ends the connection.
            while await amqpError({ _ = try await channel.declareQueue("", exclusive: true) }) != nil {}
          }
        }
      }
      try await BrokerControl.run("ctl", "delete_user", user)
    }
  }
}
