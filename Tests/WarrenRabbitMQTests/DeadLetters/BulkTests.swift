import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren
import WarrenOperations
import WarrenRabbitMQ

/// What an operator does with many dead letters, where a page is a sweep and a place in the queue moves.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct BulkTests {
  @Test func aReplayInStepsLeavesNoneOutAndGoesPastThoseThatStay() async throws {
    let prefix = "t\(UInt32.random(in: 0...UInt32.max))"
    let queue = Queue(QueueName("\(prefix).q")), gone = QueueName("\(prefix).gone")
    let dead = try #require(queue.deadLetter?.queue)
    try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
      let bench = Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
      try await broker.apply(Topology(queues: [queue, Queue(gone, deadLetter: .queue(dead))]))
      // Twelve of a queue that is there, and in between four of one that will be deleted.
      for number in 0..<16 {
        let origin = number % 4 == 1 ? gone : queue.name
        _ = try await broker.publish([Publication(bench.message("\(number)"), to: .queue(origin))])
        try await broker.consume(origin, prefetch: 1) { consumer in
          _ = try await broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(.rejected), History(attempts: 1)))
        }
      }
      try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
        try await foreign.withChannel { _ = try await $0.deleteQueue(gone.rawValue) }
      }
      let operations = Operations(broker)
      let survey = try await operations.survey(DeadLetterSelection(queue: dead, limit: .max))
      #expect(survey.count == 16)
      var steps = 0
      let report = try await operations.replay(survey, batch: 5) { _ in steps += 1 }
      #expect(report.done == 12 && report.stayed == 4 && steps == 4, "\(report) in \(steps)")
      let left = try await operations.survey(DeadLetterSelection(queue: dead, limit: .max))
      #expect(left.count == 4 && left.sample.allSatisfy { $0.origin == gone })
      let deleted = try await operations.delete(left, batch: 3)
      #expect(deleted.done == 4 && deleted.isComplete)
      #expect(try await bench.status(queue.name) { $0.ready == 12 }.ready == 12)
    }
  }
}
