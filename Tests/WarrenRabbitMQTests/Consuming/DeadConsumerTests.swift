import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenRabbitMQ

/// After a power cut RabbitMQ offers its messages to all the consumers that are gone, one after the other, and counts each.
/// That must not park a message which no worker has handled.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct DeadConsumerTests {
  @Test func aDeathCountsWhenAWorkerLivedToTell() async throws {
    let queue = QueueName("t\(UInt32.random(in: 0...UInt32.max)).cut")
    try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      let message = Message(id: .unique(), name: "test.thing", body: Data("x".utf8))
      _ = try await broker.publish([Publication(message, to: .queue(queue))])

      try await die(6, holding: queue.rawValue)
      try await broker.consume(queue, prefetch: 1) { consumer in
        let first = try await consumer.mustNext()
        #expect(!first.isSuspect && first.history.interruptions == 6)
        _ = try await broker.settle(first, as: .isolate)
        let alone = try await consumer.mustNext()
        #expect(alone.isSuspect && alone.history.interruptions == 3)
      }
      for deaths in 4...5 {
        try await die(4, holding: "warren.suspect.\(queue)")
        try await broker.consume(queue, prefetch: 1) { consumer in
          let alone = try await consumer.mustNext()
          #expect(alone.isSuspect && alone.history.interruptions == deaths)
        }
      }
    }
  }

  /// Takes the first message of a queue again and again, each time with a connection that is lost with it.
  private func die(_ times: Int, holding queue: String) async throws {
    for _ in 0..<times {
      try await AMQPConnection.withConnection(try RealBroker.foreign()) { connection in
        let channel = try await connection.openChannel()
        _ = try await until {
          try await channel.get(queue)
        } holds: {
          $0 != nil
        }
      }
    }
  }
}
