import AMQP
import BrokerConformance
import Foundation
import Logging
import Testing
import Warren
import WarrenRabbitMQ

/// Dead letters that their queue refuses: a full one does, one that is losing its leader, and one that was deleted.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct RefusalTests {
  enum Obstacle: CaseIterable {
    case queueIsFull, queueIsGone, exchangeIsGone
  }

  @Test(arguments: Obstacle.allCases) func aRefusedDeadLetterIsParkedOnceItCanBe(_ obstacle: Obstacle) async throws {
    try await withRefusedDeadLetter(obstacle) { _, _, fix in
      try await fix()
    } after: { result, foreign, queue in
      #expect(try result.get() == .settled)
      let parked = try await foreign.get("\(queue).dead")
      #expect(parked?.properties.messageID == "2")
      parked?.ack()
    }
  }

  @Test(arguments: Obstacle.allCases) func aWorkerThatEndsGivesARefusedDeadLetterBack(_ obstacle: Obstacle) async throws
  {
    try await withRefusedDeadLetter(obstacle) { _, consumer, _ in
      consumer.stop()
    } after: { result, foreign, queue in
      #expect(throws: BrokerError.self) { try result.get() }
      let back = try await foreign.get(queue)
      #expect(back?.properties.messageID == "2")
      back?.ack()
    }
  }

  /// Settles a delivery as a dead letter that cannot be parked; `during` runs once it was refused.
  private func withRefusedDeadLetter(
    _ obstacle: Obstacle,
    during: @escaping @Sendable (RabbitMQBroker, Consumer, @Sendable () async throws -> Void) async throws -> Void,
    after: @escaping @Sendable (Result<SettleResult, any Error>, AMQPChannel, String) async throws -> Void
  ) async throws {
    let name = "t\(UInt32.random(in: 0...UInt32.max)).q", dead = "\(name).dead", exchange = "\(name).dlx"
    let (refusals, refused) = AsyncStream<Void>.makeStream()
    let broker = try RabbitMQBroker(
      urls: try #require(RealBroker.urls), logger: Logger(label: "refusals") { _ in Listener(refused) })
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { connection in
      try await connection.withChannel { foreign in
        try await foreign.declareQueue(name)
        let declareDead: @Sendable () async throws -> Void = {
          try await foreign.declareQueue(dead, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
        }
        let declareExchange: @Sendable () async throws -> Void = {
          try await foreign.declareExchange(exchange, type: "direct")
          try await foreign.bindQueue(dead, to: exchange, routingKey: dead)
        }
        try await declareDead()
        try await declareExchange()
        if obstacle == .queueIsFull {
          try await foreign.publish(
            AMQPMessage(routingKey: dead, properties: AMQPProperties(messageID: "1"), body: "x"))
        }
        try await foreign.publish(AMQPMessage(routingKey: name, properties: AMQPProperties(messageID: "2"), body: "x"))
        try await broker.withBroker { broker in
          let target: DeadLetterTarget =
            obstacle == .exchangeIsGone
            ? .exchange(ExchangeName(exchange), key: RoutingKey(dead)) : .queue(QueueName(dead))
          let queue = Queue(QueueName(name), deadLetter: target).adopted()
          try await broker.apply(Topology(queues: [queue]))
          let result = try await broker.consume(queue.name, prefetch: 1) { consumer in
            let delivery = try await consumer.mustNext()
            switch obstacle {
            case .queueIsFull: break
            case .queueIsGone: try await foreign.deleteQueue(dead)
            case .exchangeIsGone: try await foreign.deleteExchange(exchange)
            }
            async let settled = Self.park(delivery, broker)
            try await within { for await _ in refusals { break } }
            try await during(broker, consumer) {
              switch obstacle {
              case .queueIsFull: try await foreign.get(dead)?.ack()
              case .queueIsGone: try await declareDead()
              case .exchangeIsGone: try await declareExchange()
              }
            }
            return await settled
          }
          try await after(result, foreign, name)
        }
        try await foreign.deleteQueue(name)
        try await foreign.deleteQueue(dead)
        try await foreign.deleteExchange(exchange)
      }
    }
  }

  private static func park(_ delivery: Delivery, _ broker: RabbitMQBroker) async -> Result<SettleResult, any Error> {
    do {
      return .success(try await broker.settle(delivery, as: .deadLetter(.init(.rejected, "why"), delivery.history)))
    } catch { return .failure(error) }
  }

  /// Hears in the log that a dead letter was refused.
  private struct Listener: LogHandler {
    let refused: AsyncStream<Void>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(_ refused: AsyncStream<Void>.Continuation) { self.refused = refused }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      if event.message.description.contains("dead letter was refused") { refused.yield() }
    }
  }
}
