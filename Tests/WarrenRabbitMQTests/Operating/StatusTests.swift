import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// What an operator sees and does, and what that does to the broker.
@Suite("Status and pauses", .enabled(if: RealBroker.isThere, RealBroker.note)) struct StatusTests {
  @Test(
    "A20: a look at the queues writes no errors into the broker's log",
    .enabled(if: RealBroker.canBeBroken, RealBroker.note))
  func noErrors() async throws {
    let name = Foreign.name()
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: (0..<5).map { Queue(QueueName("\(name).\($0)")) }))
      _ = try await until {
        try await broker.queues().filter { $0.name.rawValue.hasPrefix(name) }.count
      } holds: {
        $0 == 10
      }
      for _ in 0..<3 { _ = try await broker.queues() }
    }
    let log = try String(contentsOfFile: try #require(try await RealBroker.log()), encoding: .utf8)
    #expect(log.split(separator: "\n").filter { $0.contains("[error]") && $0.contains(name) }.isEmpty)
  }

  @Test("A16: a pause and a resume that cross end as the marker says") func crossing() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { one in
      try await one.apply(Topology(queues: [Queue(queue)]))
      try await RabbitMQBroker.real().withBroker { two in
        try await one.consume(queue, prefetch: 10) { consumer in
          for _ in 0..<25 {
            async let pausing: Void = two.pause(queue)
            async let resuming: Void = one.resume(queue)
            _ = try await (pausing, resuming)
            if try await one.parts().session.hasExchange(SystemNames.pauseMarker(of: queue)) {
              try await two.resume(queue)
            }
            try await Foreign.fill(queue.rawValue, 1)
            let delivery = try await consumer.mustNext()
            _ = try await one.settle(delivery, as: .complete)
          }
        }
      }
    }
  }

  @Test("A16: a pause outlives its queue, is said, and can be undone") func leakedMarker() async throws {
    let queue = QueueName(Foreign.name())
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await broker.pause(queue)
      try await Foreign.withChannel { _ = try await $0.deleteQueue(queue.rawValue) }
      try await broker.resume(queue)
      await #expect(throws: BrokerError.self) { try await broker.resume(queue) }
    }
  }

  @Test("A9: doctor finds policies that change what Warren relies on") func policies() async throws {
    let name = Foreign.name()
    let log = CapturedLog()
    try await RealBroker.policy("bad-\(name)", on: "^\(name)", ["overflow": "drop-head", "max-length": 5])
    try await RabbitMQBroker(urls: try #require(RealBroker.urls), logger: log.logger).withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      // A diagnosis of all that is on the broker may take longer than this is waited for, so it begins when the policy is shown.
      _ = try await until {
        await broker.management.queue(name)?.policy("overflow")
      } holds: {
        $0 != nil
      }
      let findings = try await until {
        try await broker.diagnose().filter { $0.text.contains("a policy sets") }
      } holds: {
        $0.contains { $0.text.contains("overflow") } && $0.contains { $0.text.contains("max-length") }
      }
      #expect(findings.allSatisfy { $0.fix != nil })
    }
    try await RealBroker.dropPolicy("bad-\(name)")
  }

  @Test("A5: what was not begun is withdrawn when the connection is lost") func lostConnection() async throws {
    let queue = QueueName(Foreign.name())
    let connectionName = "lost \(queue)"
    var configuration = RabbitMQConfiguration()
    configuration.connectionName = connectionName
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls), configuration: configuration)
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(queue)]))
      try await Foreign.fill(queue.rawValue, 20)
      try await broker.consume(queue, prefetch: 20) { consumer in
        var begun: [Delivery] = []
        for _ in 0..<5 { begun.append(try await consumer.mustNext()) }
        let consuming = try await broker.parts().session.consuming
        let states = consuming.states()
        try await RealBroker.closeConnection(named: connectionName)
        var wasLost = false
        for await state in states {
          if state == .open, wasLost { break }
          if state != .open { wasLost = true }
        }
        // All twenty come again, and of those that are handed out now none is of the lost connection.
        for _ in 0..<20 {
          let delivery = try await consumer.mustNext()
          let result = try await broker.settle(delivery, as: .complete)
          #expect(result == .settled)
        }
        for delivery in begun {
          let result = try await broker.settle(delivery, as: .complete)
          #expect(result == .stale)
        }
      }
    }
    #expect(try await Foreign.depth(queue.rawValue) == 0)
  }

  @Test("A5: a handler whose delivery is lost with its connection is cancelled, and the message is handled again")
  func lostHandler() async throws {
    let queue = QueueName(Foreign.name())
    var configuration = RabbitMQConfiguration()
    configuration.connectionName = "lost handler \(queue)"
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls), configuration: configuration)
    try await broker.withBroker { broker in
      let seen = Log<String>()
      let attempts = Counter()
      let worker = try Worker(broker, name: "suite") {
        Subscription(Queue(queue)) {
          OnAny { _, _ in
            seen.add("began")
            if attempts.enter() > 1 { return }
            do { try await Task.sleep(for: .seconds(3600)) } catch {
              seen.add("cancelled")
              throw error
            }
          }
        }
        .concurrency(1)
      }
      try await broker.apply(worker.topology)
      try await Foreign.fill(queue.rawValue, 1)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        #expect(try await seen.next() == "began")
        try await RealBroker.closeConnection(named: "lost handler \(queue)")
        #expect(try await seen.next(2) == ["cancelled", "began"])
        group.cancelAll()
      }
    }
  }
}

extension RealBroker {
  /// Where the log of the broker is.
  static func log() async throws -> String? {
    guard let (dir, node) = place else { return nil }
    return try await run("log", dir, node).first
  }
}
