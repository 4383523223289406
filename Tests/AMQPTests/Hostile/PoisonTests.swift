import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// One message or one call must not end the connection.
@Suite("Poison")
struct PoisonTests {
  /// What the broker hands out as the first of two deliveries.
  struct Poison: CustomTestStringConvertible {
    var testDescription: String
    /// Whether the client can read it: then it is handed out like any other.
    var isReadable = false
    let send: @Sendable (FakeBroker.Peer, _ consumer: String, _ channel: UInt16) -> Void

    /// A delivery with a header frame of the given properties.
    static func properties(_ what: String, isReadable: Bool, _ payload: [UInt8]) -> Poison {
      Poison(testDescription: what, isReadable: isReadable) { peer, consumer, channel in
        peer.send(
          .basicDeliver(.init(consumerTag: consumer, deliveryTag: 1, redelivered: true, exchange: "", routingKey: "k")),
          on: channel)
        let length = 14 + UInt32(payload.count) - 2
        var bytes = ByteBuffer(bytes: [2])
        bytes.writeInteger(channel)
        bytes.writeInteger(length)
        bytes.writeInteger(UInt16(60))
        bytes.writeInteger(UInt16(0))
        bytes.writeInteger(UInt64(4))
        bytes.writeBytes(payload)
        bytes.writeInteger(UInt8(0xCE))
        FrameWriter.writeBody(ByteBuffer(string: "evil"), channel: channel, frameMax: 4096, to: &bytes)
        peer.send(bytes)
      }
    }
  }

  /// Flags for headers, then a table of this content.
  private static func headers(_ table: [UInt8]) -> [UInt8] {
    var bytes = ByteBuffer(bytes: [0x20, 0])
    bytes.writeInteger(UInt32(table.count))
    return Array(bytes.readableBytesView) + table
  }

  private static let deep: [UInt8] = (0..<100).reduce([]) { inner, _ in
    var bytes = ByteBuffer(bytes: [1, UInt8(ascii: "n"), UInt8(ascii: "F")])
    bytes.writeInteger(UInt32(inner.count))
    return Array(bytes.readableBytesView) + inner
  }

  private static let long: [UInt8] = {
    var bytes = ByteBuffer(bytes: [1, UInt8(ascii: "h"), UInt8(ascii: "S")])
    bytes.writeInteger(UInt32(300_000))
    bytes.writeRepeatingByte(0x68, count: 300_000)
    return Array(bytes.readableBytesView)
  }()

  static let poisons = [
    Poison.properties("headers beyond frame_max, as x-death makes them", isReadable: true, headers(long)),
    Poison.properties("headers that nest 100 deep", isReadable: false, headers(deep)),
    Poison.properties(
      "an unknown type of field", isReadable: false, headers([1, UInt8(ascii: "k"), UInt8(ascii: "~"), 0])),
    Poison.properties("a table that is cut short", isReadable: false, [0x20, 0, 0, 0, 0, 9, 1]),
    Poison.properties("an unknown flag", isReadable: false, [0, 2]),
    Poison(testDescription: "a body over the limit") { peer, consumer, channel in
      peer.deliver(1, to: consumer, String(repeating: "b", count: 5000), on: channel)
    },
  ]

  @Test("A message that cannot be taken is refused, and the one behind it arrives", arguments: poisons)
  func delivery(_ poison: Poison) async throws {
    try await within(.seconds(10)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
        poison.send(peer, consume.consumerTag, channel)
        peer.deliver(2, to: consume.consumerTag, "good", on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.maxInboundBodySize = 1000
        configuration.recovery = .none
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          var iterator = try await channel.consume("q").makeAsyncIterator()
          if poison.isReadable { #expect(try await iterator.next()?.text == "evil") }
          #expect(try await iterator.next()?.text == "good")
          _ = try await connection.withChannel { try await $0.queueInfo("q") }
          if !poison.isReadable {
            await broker.wait {
              $0.contains { frame in
                switch frame {
                case .method(1, .basicReject(1, requeue: false)),
                  .method(1, .basicNack(1, multiple: false, requeue: false)):
                  true
                default: false
                }
              }
            }
          }
        }
      }
    }
  }

  @Test("A fetched message that cannot be taken is that call's error")
  func fetched() async throws {
    try await within(.seconds(10)) {
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicGet) = frame else { return false }
        peer.send(
          .basicGetOk(deliveryTag: 1, redelivered: false, exchange: "", routingKey: "q", messages: 0),
          AMQPProperties(), String(repeating: "b", count: 5000), on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.maxInboundBodySize = 1000
        configuration.recovery = .none
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let error = await amqpError { _ = try await channel.get("q") }
          #expect(error != nil)
          _ = try await channel.queueInfo("q")
        }
      }
    }
  }

  @Test("An own message that comes back and is larger than what is accepted is unroutable like any other")
  func returned() async throws {
    try await within(.seconds(10)) {
      try await FakeBroker.run({ peer, frame in
        guard case .body(let channel, let body) = frame else { return false }
        peer.send(
          .basicReturn(replyCode: 312, replyText: "NO_ROUTE", exchange: "", routingKey: "k"),
          AMQPProperties(headers: ["x-publish-sequence": 1], messageID: "one"), String(buffer: body), on: channel)
        peer.send(.basicAck(deliveryTag: 1, multiple: false), on: channel)
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.maxInboundBodySize = 1000
        configuration.recovery = .none
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let message = AMQPMessage(
            routingKey: "k", properties: .init(messageID: "one"), body: String(repeating: "r", count: 2000))
          #expect(await amqpError { try await channel.publish(message) }?.code == .unroutable)
        }
      }
    }
  }

  /// Tables that AMQP cannot carry.
  struct Slip: CustomTestStringConvertible {
    var testDescription: String
    let table: AMQPTable
  }

  static let slips = [
    Slip(testDescription: "a key of 256 bytes", table: AMQPTable([(String(repeating: "k", count: 256), .int32(1))])),
    Slip(
      testDescription: "40 levels",
      table: (0..<40).reduce(AMQPTable()) { table, _ in AMQPTable([("n", .table(table))]) }),
    Slip(
      testDescription: "more than a frame", table: ["x-big": .string(String(repeating: "a", count: 200_000))]),
  ]
  static let calls: [String] = ["declareQueue", "declareExchange", "bindQueue", "consume"]

  @Test("Arguments that cannot be sent are that call's error, and nothing else is hurt", arguments: slips, calls)
  func arguments(_ slip: Slip, _ call: String) async throws {
    try await within(.seconds(30)) {
      // What the real broker does with a frame beyond its limit.
      try await FakeBroker.run({ peer, frame in
        guard case .method(_, .queueDeclare(let declare)) = frame, !declare.arguments.isEmpty else { return false }
        peer.close(501, "FRAME_ERROR - frame_too_large")
        return true
      }) { broker in
        var configuration = broker.configuration
        configuration.recovery = .none
        configuration.replyTimeout = .seconds(20)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let error = await amqpError {
            switch call {
            case "declareQueue": try await channel.declareQueue("q", arguments: slip.table)
            case "declareExchange": try await channel.declareExchange("e", type: "topic", arguments: slip.table)
            case "bindQueue": try await channel.bindQueue("q", to: "e", routingKey: "k", arguments: slip.table)
            default: _ = try await channel.consume("q", options: .init(arguments: slip.table))
            }
          }
          #expect(error?.code == .invalidArgument)
          _ = try await channel.queueInfo("q")
        }
      }
    }

  }

  static let topologies = [
    AMQPTopology(bindings: [.init(from: String(repeating: "s", count: 300), to: .queue("q"))]),
    AMQPTopology(bindings: [.init(from: "s", to: .queue(String(repeating: "q", count: 300)))]),
    AMQPTopology(bindings: [.init(from: "s", to: .exchange(String(repeating: "q", count: 300)))]),
    AMQPTopology(exchanges: [.init("e", type: String(repeating: "t", count: 300))]),
    AMQPTopology(exchanges: [.init("e", type: "topic", arguments: slips[1].table)]),
    AMQPTopology(queues: [.init("q", arguments: slips[0].table)]),
    AMQPTopology(queues: [.init("q", arguments: slips[2].table)]),
    AMQPTopology(bindings: [.init(from: "s", to: .queue("q"), arguments: slips[0].table)]),
  ]

  @Test("A topology that cannot be sent is an error before anything is connected", arguments: topologies.indices)
  func topology(_ index: Int) async throws {
    try await within(.seconds(2)) {
      try await FakeBroker.run { broker in
        var configuration = broker.configuration
        configuration.topology = Self.topologies[index]
        configuration.recovery.retriesFirstConnect = true
        let settings = configuration
        let error = await amqpError { try await AMQPConnection.withConnection(settings) { _ in } }
        #expect(error?.code == .invalidArgument)
        #expect(broker.connections == 0)
      }
    }

  }

  @Test("Client properties that cannot be sent are an error before anything is connected", arguments: slips.prefix(2))
  func clientProperties(_ slip: Slip) async throws {
    try await within(.seconds(10)) {
      try await FakeBroker.run { broker in
        var configuration = broker.configuration
        configuration.clientProperties = slip.table
        configuration.recovery.retriesFirstConnect = true
        let settings = configuration
        let error = await amqpError { try await AMQPConnection.withConnection(settings) { _ in } }
        #expect(error?.code == .invalidConfiguration)
        #expect(broker.connections == 0)
      }
    }
  }
}
