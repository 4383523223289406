import AMQP
import BrokerConformance
import Foundation
import NIOCore
import Testing
import Warren
import WarrenRabbitMQ

/// Whatever its size, a delivery can be settled, and stops no other.
@Suite("A7, N2, N3: every delivery can be settled", .enabled(if: RealBroker.isThere, RealBroker.note))
struct SizeTests {
  @Test("A failure whose text is one character of 200 KB is recorded and tried again") func combiningMarks()
    async throws
  {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Foreign.fill(queue.rawValue, 1)
      try await broker.consume(queue, prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        var history = delivery.history
        history.attempts = 1
        let text = "e" + String(repeating: "\u{301}", count: 100_000)
        history.note(Failure(time: Date(), attempt: 1, error: "E", message: text, worker: "w"))
        _ = try await broker.settle(delivery, as: .retry(at: Date(), history))
        let again = try await consumer.mustNext()
        #expect(again.history.attempts == 1 && again.history.failures.count == 1)
        let parked = try await broker.settle(again, as: .deadLetter(.init(.exhausted, text), history))
        #expect(parked == .settled)
      }
      let letters = try await broker.deadLetters(.init(origin: queue)).letters
      #expect(letters.count == 1 && letters.first?.reason.kind == .exhausted)
    }
  }

  @Test(
    "Headers that fill a frame go to the dead letters as they are, and hold up nothing",
    arguments: [Settle.retry, .park])
  func fullHeaders(_ how: Settle) async throws {
    let queue = QueueName(Foreign.name())
    let log = CapturedLog()
    try await RabbitMQBroker(urls: try #require(RealBroker.urls), logger: log.logger).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Self.publishFullHeaders(to: queue.rawValue)
      try await Foreign.fill(queue.rawValue, 1)
      try await broker.consume(queue, prefetch: 1) { consumer in
        let big = try await consumer.mustNext()
        #expect(big.text == "big")
        let result = try await broker.settle(big, as: how.settlement(big.history))
        #expect(result == .settled)
        let other = try await consumer.mustNext()
        #expect(other.text == "x")
        _ = try await broker.settle(other, as: .complete)
      }
      #expect(log.warnings.contains { $0.contains("cannot be copied") })
      let depth = try await until {
        try await Foreign.depth(queue.rawValue + ".dlq")
      } holds: {
        $0 == 1
      }
      #expect(depth == 1)
    }
  }

  @Test("Without a dead-letter exchange such a message stays, with a warning, and holds up nothing") func stays()
    async throws
  {
    let name = Foreign.name(), queue = QueueName(name)
    let log = CapturedLog()
    try await Foreign.withChannel { channel in
      for one in [name, name + ".dlq"] { try await channel.declareQueue(one, arguments: ["x-queue-type": "quorum"]) }
    }
    try await RabbitMQBroker(urls: try #require(RealBroker.urls), logger: log.logger).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue).adopted()]))
      try await Self.publishFullHeaders(to: name)
      try await Foreign.fill(name, 1)
      try await broker.consume(queue, prefetch: 2) { consumer in
        let big = try await consumer.mustNext()
        await #expect(throws: BrokerError.self) {
          try await broker.settle(big, as: .retry(at: Date(), big.history))
        }
        let other = try await consumer.mustNext()
        let result = try await broker.settle(other, as: .retry(at: Date(), other.history))
        #expect(result == .settled)
      }
      #expect(log.warnings.contains { $0.contains("neither be copied nor rejected") })
    }
    #expect(try await Foreign.depth(name) == 2)
  }

  @Test("A body that an older broker let in is tried again and parked") func largeBody() async throws {
    guard try await RealBroker.version() == "3.10" else { return }
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      var configuration = try RealBroker.foreign()
      configuration.maxOutboundBodySize = 32 << 20
      try await AMQPConnection.withConnection(configuration) { connection in
        try await connection.withChannel {
          try await $0.publish(
            AMQPMessage(routingKey: queue.rawValue, body: ByteBuffer(repeating: 7, count: 20 << 20)))
        }
      }
      try await broker.consume(queue, prefetch: 1) { consumer in
        let first = try await consumer.mustNext()
        _ = try await broker.settle(first, as: .retry(at: Date(), first.history))
        let second = try await consumer.mustNext()
        let parked = try await broker.settle(second, as: .deadLetter(.init(.rejected, "x"), second.history))
        #expect(parked == .settled)
      }
    }
    #expect(try await Foreign.empty(queue.rawValue + ".dlq").map { $0.body.readableBytes } == [20 << 20])
  }

  enum Settle: Sendable {
    case retry
    case park
    func settlement(_ history: History) -> Settlement {
      switch self {
      case .retry: .retry(at: Date(), history)
      case .park: .deadLetter(.init(.rejected, "why"), history)
      }
    }
  }

  /// A message whose header frame lies just below the limit of 131,064 bytes.
  private static func publishFullHeaders(to queue: String) async throws {
    try await Foreign.withChannel { channel in
      let headers = AMQPTable(
        (0..<130).map { ("h\(100 + $0)", AMQPValue.string(String(repeating: "v", count: 997))) })
      try await channel.publish(
        AMQPMessage(
          routingKey: queue,
          properties: AMQPProperties(headers: headers, deliveryMode: .persistent, messageID: "big", type: "x"),
          body: "big"))
    }
  }
}

extension AMQPTable {
  /// Pairs in their order.
  fileprivate init(_ pairs: [(String, AMQPValue)]) {
    self.init()
    for (name, value) in pairs { self[name] = value }
  }
}
