import NIOCore
import Testing

@testable import AMQP

/// What a real broker makes of this client, and what it does not let it do.
@Suite("Rules of a real broker", .enabled(if: RealBroker.isThere, RealBroker.skipped), .serialized)
struct BrokerRulesTests {
  @Test(
    "The broker knows the client's name, product and capabilities, and the caller's own properties",
    .enabled(if: RealBroker.isManaged, "skipped: set WARREN_TEST_MANAGEMENT as well"))
  func clientProperties() async throws {
    try await within {
      let name = RealBroker.name("properties")
      var configuration = try RealBroker.configuration(name: name)
      configuration.clientProperties = ["team": "tests"]
      try await AMQPConnection.withConnection(configuration) { _ in
        let seen = try await Management.clientProperties(of: name)
        #expect(seen["connection_name"] as? String == name)
        #expect(seen["product"] as? String == "Warren AMQP")
        #expect(seen["team"] as? String == "tests")
        #expect((seen["version"] as? String)?.isEmpty == false)
        let capabilities = try #require(seen["capabilities"] as? [String: Bool])
        #expect(
          Set(capabilities.filter(\.value).keys) == [
            "publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked",
            "authentication_failure_close", "per_consumer_qos", "exchange_exchange_bindings",
          ])
      }
    }
  }

  @Test("The largest message allowed here is taken by every broker; one byte more is refused here and does no harm")
  func largestMessage() async throws {
    try await within {
      let configuration = try RealBroker.configuration()
      let limit = configuration.maxOutboundBodySize
      try await AMQPConnection.withConnection(configuration) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue("", exclusive: true).name
        let sizes = [1, limit + 1, limit, 2]
        let results = await channel.publish(
          sizes.map { AMQPMessage(routingKey: queue, body: ByteBuffer(repeating: 7, count: $0)) })
        #expect(results.map(\.isConfirmed) == [true, false, true, true])
        #expect(results[1].error?.code == .messageTooLarge)
        for size in [1, limit, 2] {
          let delivery = try await channel.get(queue, noAck: true)
          #expect(delivery?.body.readableBytes == size)
        }
      }
    }
  }

  @Test(
    "A message over the broker's own limit closes the channel with 406, its publish says so, and the channel works on")
  func tooLarge() async throws {
    try await within {
      var configuration = try RealBroker.configuration()
      configuration.maxOutboundBodySize = 200 << 20
      try await AMQPConnection.withConnection(configuration) { connection in
        let version = await connection.serverProperties["version"]?.string ?? ""
        // 128 MiB up to 3.13, 16 MiB from 4.0 on.
        let limit = version.hasPrefix("3.") ? 128 << 20 : 16 << 20
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue("", exclusive: true).name
        let error = await amqpError {
          try await channel.publish(
            AMQPMessage(routingKey: queue, body: ByteBuffer(repeating: 7, count: limit + 1)), timeout: .seconds(40))
        }
        #expect(error?.replyCode == 406, "\(String(describing: error))")
        try await channel.publish(AMQPMessage(routingKey: queue, body: "x"))
        #expect(try await channel.queueInfo(queue).messageCount == 1)
      }
    }
  }
}
