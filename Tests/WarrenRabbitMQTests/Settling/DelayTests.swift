import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// Delays and retries on a broker: never early, and held up by no other queue.
@Suite("Delays on a broker", .enabled(if: RealBroker.isThere, RealBroker.note)) struct DelayTests {
  enum Obstacle: String, CaseIterable, Sendable {
    case deleted, full
  }

  @Test("A1: 100 messages that are stuck for one queue hold up no other's", arguments: Obstacle.allCases)
  func stuck(_ obstacle: Obstacle) async throws {
    let old = QueueName(Foreign.name()), other = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(old), Queue(other)]))
      if obstacle == .full {
        try await RealBroker.policy("full-\(old)", on: "^\(old)$", ["max-length": 1])
        try await Foreign.fill(old.rawValue, 2)
      }
      let delay = 1.0
      try await Self.enqueue(100, in: old, after: delay, broker)
      if obstacle == .deleted { try await Foreign.withChannel { _ = try await $0.deleteQueue(old.rawValue) } }
      try await Task.sleep(for: .seconds(2))
      let begin = ContinuousClock.now
      try await Self.enqueue(3, in: other, after: delay, broker)
      try await broker.consume(other, prefetch: 10) { consumer in
        for _ in 0..<3 {
          let delivery = try await consumer.mustNext()
          _ = try await broker.settle(delivery, as: .complete)
        }
        // A retry of a healthy queue, too.
        try await Foreign.fill(other.rawValue, 1)
        let failed = try await consumer.mustNext()
        _ = try await broker.settle(failed, as: .retry(at: Date().addingTimeInterval(1), failed.history))
        _ = try await consumer.mustNext()
      }
      #expect(begin.duration(to: .now) < .seconds(8))
      if obstacle == .full {
        try await RealBroker.dropPolicy("full-\(old)")
      }
    }
  }

  @Test("N5: the delays of one batch go the shortest way") func batch() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Self.enqueue(32, in: queue, after: 0.75, broker)
      _ = try await until {
        try await Foreign.depth(queue.rawValue)
      } holds: {
        $0 == 32
      }
    }
    let ways = try await Foreign.empty(queue.rawValue).map { delivery in
      (delivery.headers["x-death"]?.array ?? []).compactMap { $0.table?["queue"]?.string }
        .filter { $0.hasPrefix("warren.delay.") }
    }
    #expect(Set(ways) == [["warren.delay.750"]])
  }

  @Test("A9: a policy that lets a message out of its bucket early makes no worker handle it early") func policy()
    async throws
  {
    let queue = QueueName(Foreign.name())
    try await RealBroker.policy("early", on: "^warren\\.delay\\.3000$", ["message-ttl": 300])
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      let due = Date().addingTimeInterval(2.9)
      try await Self.enqueue(1, in: queue, at: due, broker)
      try await broker.consume(queue, prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(Date() >= due)
        _ = try await broker.settle(delivery, as: .complete)
      }
    }
    try await RealBroker.dropPolicy("early")
  }

  @Test("A4: a message of high priority holds back no normal one that is due before it") func priority() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      var high = Message(id: .unique(), name: "test.thing", body: Data("high".utf8))
      high.priority = .high
      // Both in the bucket of 4 s, and the normal one is due 3 s before.
      try await Self.enqueue(1, in: queue, after: 4, broker)
      try await Task.sleep(for: .seconds(3))
      let due = Date().addingTimeInterval(4)
      _ = try await broker.publish([Publication(high, to: .queue(queue), notBefore: due)])
      try await broker.consume(queue, prefetch: 1) { consumer in
        let first = try await consumer.mustNext()
        #expect(first.text == "x" && Date() < due)
        _ = try await broker.settle(first, as: .complete)
        let second = try await consumer.mustNext()
        #expect(second.text == "high")
        _ = try await broker.settle(second, as: .complete)
      }
    }
  }

  @Test("A8: a retry for which no bucket may be declared is warned about and comes back") func noBucket() async throws {
    let queue = QueueName(Foreign.name())
    let log = CapturedLog()
    let user = try await User(configure: ".*")
    try await RabbitMQBroker(url: user.url, logger: log.logger).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Foreign.fill(queue.rawValue, 1)
      try await broker.consume(queue, prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        try await user.set(configure: "^$")
        let due = Date().addingTimeInterval(0.3)
        let result = try await broker.settle(delivery, as: .retry(at: due, delivery.history))
        #expect(result == .settled)
        let again = try await consumer.mustNext()
        #expect(Date() >= due)
        _ = try await broker.settle(again, as: .complete)
      }
    }
    #expect(log.warnings.contains { $0.contains("cannot go back to its queue yet") && $0.contains("refused") })
    try await user.delete()
  }

  private static func enqueue(
    _ count: Int, in queue: QueueName, after delay: Double, _ broker: RabbitMQBroker
  ) async throws {
    try await enqueue(count, in: queue, at: Date().addingTimeInterval(delay), broker)
  }

  private static func enqueue(_ count: Int, in queue: QueueName, at due: Date, _ broker: RabbitMQBroker) async throws {
    let results = try await broker.publish(
      (0..<count).map { _ in
        Publication(
          Message(id: .unique(), name: "test.thing", body: Data("x".utf8)), to: .queue(queue), notBefore: due)
      })
    #expect(results.allSatisfy { $0.isStored })
  }
}

extension RealBroker {
  /// Sets a policy on queues.
  static func policy(_ name: String, on pattern: String, _ definition: [String: Any]) async throws {
    let body = try JSONSerialization.data(
      withJSONObject: ["pattern": pattern, "apply-to": "queues", "priority": 1, "definition": definition])
    _ = try await api("policies/%2F/\(name)", method: "PUT", body: String(decoding: body, as: UTF8.self))
  }

  /// Takes a policy away.
  static func dropPolicy(_ name: String) async throws { _ = try await api("policies/%2F/\(name)", method: "DELETE") }
}
