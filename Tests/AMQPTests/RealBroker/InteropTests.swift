import Foundation
import NIOCore
import Testing

@testable import AMQP

/// Other clients as judges: messages with every property and every type of field go to them and come back, as far as they can
/// carry them. `make test-amqp` says where they are:
///
/// - `WARREN_TEST_PYTHON`: a Python that has pika,
/// - `WARREN_TEST_GO`: `Tests/Peers/relay.go`, compiled,
/// - `WARREN_TEST_TOOLS`: the folder of rabbitmq-c's `amqp-publish` and `amqp-get`.
@Suite("Other clients", .enabled(if: RealBroker.isThere, RealBroker.skipped))
struct InteropTests {
  private static let python = ProcessInfo.processInfo.environment["WARREN_TEST_PYTHON"]
  private static let go = ProcessInfo.processInfo.environment["WARREN_TEST_GO"]
  private static let tools = ProcessInfo.processInfo.environment["WARREN_TEST_TOOLS"]

  /// No body, one byte, and bodies that need two frames and many.
  private static let bodies = [0, 1, 131_065, 1_000_000].map { size in
    ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
  }

  private static let properties = AMQPProperties(
    contentType: "a/b", contentEncoding: "gzip", headers: Samples.table, deliveryMode: .persistent, priority: 3,
    correlationID: "c", replyTo: "r", expiration: "60000", messageID: "m", timestamp: 1_700_000_000, type: "t",
    userID: "guest", appID: "app")

  /// Has a program take the messages and publish what it understood of them, and compares that.
  private func relay(
    _ program: [String], _ properties: AMQPProperties, as view: @escaping @Sendable (AMQPTable) -> AMQPTable = { $0 }
  ) async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let there = try await channel.declareQueue(RealBroker.name("there")).name
        let back = try await channel.declareQueue(RealBroker.name("back")).name
        for body in Self.bodies {
          try await channel.publish(
            AMQPMessage(routingKey: there, mandatory: false, properties: properties, body: body))
        }
        try await Program.run(program + [RealBroker.uri ?? "", there, back, "\(Self.bodies.count)"])
        for body in Self.bodies {
          let delivery = try #require(try await channel.get(back, noAck: true))
          #expect(delivery.body == body)
          var returned = delivery.properties
          #expect(returned.headers.map { view($0.sorted) } == properties.headers.map { view($0.sorted) })
          returned.headers = properties.headers
          #expect(returned == properties)
        }
        try await channel.deleteQueue(there)
        try await channel.deleteQueue(back)
      }
    }
  }

  @Test(
    "pika understands every property and type of field, and its own come back from it",
    .enabled(if: python != nil, "skipped: set WARREN_TEST_PYTHON to a Python that has pika"))
  func pika() async throws {
    var properties = Self.properties
    properties.clusterID = "cl"
    // pika 1.2 has the signs of the types b, B and l the wrong way round: values that are the same in both.
    properties.headers?["int8"] = .int8(5)
    properties.headers?["int64"] = .int64(.max)
    properties.headers?["uint8"] = .uint8(100)
    let relay = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Peers/relay.py")
    try await self.relay([Self.python ?? "", relay.path], properties) { $0.asPython }
  }

  @Test(
    "Go's client understands every property and type of field that it knows, and its own come back from it unchanged",
    .enabled(if: go != nil, "skipped: set WARREN_TEST_GO to Tests/Peers/relay.go, compiled"))
  func goClient() async throws {
    var properties = Self.properties
    // amqp091-go reads no unsigned integers but bytes, and hides the cluster's id. All else keeps its very type.
    properties.headers?["uint16"] = nil
    properties.headers?["uint32"] = nil
    try await relay([Self.go ?? ""], properties)
  }

  @Test(
    "rabbitmq-c reads messages with every property and type of field, and what its tools send arrives as they mean it",
    .enabled(if: tools != nil, "skipped: set WARREN_TEST_TOOLS to the folder of amqp-publish and amqp-get"))
  func rabbitmqC() async throws {
    try await within {
      try await AMQPConnection.withConnection(try RealBroker.configuration()) { connection in
        let channel = try await connection.openChannel()
        let queue = try await channel.declareQueue(RealBroker.name("tools")).name
        let uri = ["--url=" + (RealBroker.uri ?? "")]
        let (get, publish) = ((Self.tools ?? "") + "/amqp-get", (Self.tools ?? "") + "/amqp-publish")
        // It decodes all of a message, though it shows the body alone.
        for body in Self.bodies {
          try await channel.publish(AMQPMessage(routingKey: queue, properties: Self.properties, body: body))
          #expect(try await Program.run([get] + uri + ["-q", queue]) == body)
        }
        for body in Self.bodies {
          let options = ["-r", queue, "-p", "-C", "a/b", "-E", "gzip", "-t", "r", "-H", "k: v", "-H", "k2: grüße"]
          try await Program.run([publish] + uri + options, input: body)
          let delivery = try #require(try await channel.get(queue, noAck: true))
          #expect(delivery.body == body)
          var expected = AMQPProperties(
            contentType: "a/b", contentEncoding: "gzip", headers: ["k": "v", "k2": "grüße"], deliveryMode: .persistent)
          expected.replyTo = "r"
          #expect(delivery.properties.sorted == expected.sorted)
        }
        try await channel.deleteQueue(queue)
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
