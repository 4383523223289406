import Foundation
import NIOCore
import Testing

@testable import AMQP

/// Other clients as judges. `AMQP_TEST_PIKA` names a Python that has pika, such as `/usr/bin/python3`.
@Suite("Other clients", .enabled(if: RealBroker.isThere, RealBroker.skipped))
struct InteropTests {
  private static let python = ProcessInfo.processInfo.environment["AMQP_TEST_PIKA"]

  /// Takes a message, looks at it, and publishes what it understood.
  private static let pika = """
    import sys, pika
    connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
    channel = connection.channel()
    channel.confirm_delivery()
    for _ in range(int(sys.argv[4])):
        method, properties, body = channel.basic_get(sys.argv[2], auto_ack=True)
        assert properties.headers["string"] == "gr\\u00fc\\u00dfe", properties.headers
        assert properties.headers["uint32"] == 4000000000 and properties.headers["int8"] == 5
        assert properties.headers["table"] == {"in": {"in": 1}} and properties.headers["null"] is None
        assert properties.content_type == "a/b" and properties.user_id == "guest" and properties.priority == 3
        channel.basic_publish("", sys.argv[3], body, properties, mandatory=True)
    connection.close()
    """

  @Test(
    "pika understands every property and type of field, and its own come back from it",
    .enabled(if: python != nil, "skipped: set AMQP_TEST_PIKA to a Python that has pika"))
  func pika() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let there = try await channel.declareQueue(RealBroker.name("there")).name
        let back = try await channel.declareQueue(RealBroker.name("back")).name
        var properties = AMQPProperties(
          contentType: "a/b", contentEncoding: "gzip", headers: Samples.table, deliveryMode: .persistent, priority: 3,
          correlationID: "c", replyTo: "r", expiration: "60000", messageID: "m", timestamp: 1_700_000_000, type: "t",
          userID: "guest", appID: "app")
        properties.clusterID = "cl"
        // pika 1.2 has the signs of the types b, B and l the wrong way round: values that are the same in both.
        properties.headers?["int8"] = .int8(5)
        properties.headers?["int64"] = .int64(.max)
        properties.headers?["uint8"] = .uint8(100)
        let sizes = [0, 1, 131_065, 1_000_000]
        for size in sizes {
          try await channel.publish(
            AMQPMessage(routingKey: there, properties: properties, body: ByteBuffer(repeating: 7, count: size)))
        }
        try await Program.run([
          Self.python ?? "", "-c", Self.pika, (RealBroker.uri ?? "") + "/%2f", there, back, "\(sizes.count)",
        ])
        for size in sizes {
          let delivery = try #require(try await channel.get(back, noAck: true))
          #expect(delivery.body == ByteBuffer(repeating: 7, count: size))
          var returned = delivery.properties
          #expect(returned.headers?.sorted.asPython == properties.headers?.sorted.asPython)
          returned.headers = properties.headers
          #expect(returned == properties)
        }
        try await channel.deleteQueue(there)
        try await channel.deleteQueue(back)
      }
    }
  }
}

extension AMQPTable {
  /// Without the differences that Python does not know.
  fileprivate var asPython: AMQPTable { AMQPTable(self.map { ($0.key, $0.value.asPython) }) }
}

extension AMQPValue {
  /// Integers have no width, and a long string that is no text is bytes.
  fileprivate var asPython: AMQPValue {
    if let integer { return .int64(integer) }
    return switch self {
    // pika 1.2 makes integers of them when it reads.
    case .float(let value): .int64(Int64(value))
    case .double(let value): .int64(Int64(value))
    case .longBytes(let bytes): .bytes(bytes)
    case .table(let table): .table(table.asPython)
    case .array(let values): .array(values.map(\.asPython))
    default: self
    }
  }
}
