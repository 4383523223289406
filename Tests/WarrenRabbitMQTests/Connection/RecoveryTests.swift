import BrokerConformance
import Foundation
import Logging
import Testing
import Warren
import WarrenRabbitMQ

/// Law 7, on a broker that is killed, restarted, and starved. By itself, since it disturbs everybody else.
@Suite(.enabled(if: RealBroker.canBeBroken, RealBroker.note), .serialized)
struct RecoveryTests {
  @Test func aBrokerThatIsKilledAndComesBackStopsNothing() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).q"))
    var configuration = RabbitMQConfiguration()
    configuration.publishDeadline = .seconds(60)
    let broker = try RabbitMQBroker(
      urls: try #require(RealBroker.urls), configuration: configuration,
      logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: [queue]))
      let bench = Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
      try await bench.fill(queue, "before")
      try await bench.consume(queue) { consumer in
        let lost = try await consumer.mustNext()
        try await RealBroker.script("kill")
        // The publisher waits while the broker is away. What was on the wire when it died has no known outcome, and is
        // published again under the same id.
        let message = Publication(bench.message("during"), to: .queue(queue.name))
        async let published = Self.publish(message, on: broker)
        try await RealBroker.script("restart")
        let back = ContinuousClock.now
        try await published
        var texts: Set<String> = []
        while texts.count < 2 {
          let delivery = try await consumer.mustNext()
          texts.insert(delivery.text)
          if delivery.text == "before" { #expect(delivery.history.interruptions == 1) }
          _ = try await broker.settle(delivery, as: .complete)
        }
        #expect(texts == ["before", "during"])
        #expect(back.duration(to: .now) < .seconds(15))
        let late = try await broker.settle(lost, as: .complete)
        #expect(late == .stale)
      }
    }
  }

  @Test("A18: a look at dead letters while the broker is frozen is whole or an error, never a part")
  func frozenLook() async throws {
    let name = Foreign.name(), letters = QueueName(name + ".dlq")
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: [Queue(QueueName(name))]))
      try await Foreign.fill(letters.rawValue, 3000)
      for delay in [0, 30, 80, 150] {
        async let look = broker.deadLetters(.init(queue: letters, limit: .max)).letters.count
        try await Task.sleep(for: .milliseconds(delay))
        try await RealBroker.script("pause")
        try await Task.sleep(for: .seconds(2))
        try await RealBroker.script("continue")
        do { #expect(try await look == 3000) } catch is BrokerError {}
      }
    }
  }

  @Test("B5: a look at many queues takes a channel or two, however many they are") func fewChannels() async throws {
    let prefix = Foreign.name()
    let (dir, node) = try #require(RealBroker.place)
    @Sendable func opened() async throws -> Int {
      // {Node, connections opened, closed, channels opened, …}
      let lines = try await RealBroker.run(
        "ctl", dir, node, "eval", "[R] = ets:lookup(connection_churn_metrics, node()), element(4, R).")
      return try #require(lines.first.flatMap { Int($0) })
    }
    try await RabbitMQBroker.real().withBroker { broker in
      try await broker.apply(Topology(queues: (0..<30).map { Queue(QueueName("\(prefix).\($0)")) }))
      _ = try await until {
        try await broker.queues().filter { $0.name.rawValue.hasPrefix(prefix) }.count
      } holds: {
        $0 == 60
      }
      let before = try await opened()
      for _ in 0..<3 { _ = try await broker.queues() }
      let count = try await opened() - before
      #expect(count <= 6, "\(count)")
    }
  }

  @Test("N4, A13: a broker that goes away while a worker subscribes leaves no queue without a consumer")
  func noHalfWorker() async throws {
    let prefix = Foreign.name()
    let queues = (0..<20).map { QueueName("\(prefix).\($0)") }
    let broker = try RabbitMQBroker(
      urls: try #require(RealBroker.urls), logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: queues.map { Queue($0) }))
      let subscribed = Counter()
      let consumers = Task {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for queue in queues {
            group.addTask {
              try await broker.consume(queue, prefetch: 5) { consumer in
                _ = subscribed.enter()
                while let delivery = await consumer.next() { _ = try await broker.settle(delivery, as: .complete) }
              }
            }
          }
          try await group.waitForAll()
        }
      }
      while subscribed.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
      try await RealBroker.script("kill")
      try await RealBroker.script("restart")
      let end = ContinuousClock.now + .seconds(45)
      var without = queues
      while !without.isEmpty, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(500))
        without =
          (try? await broker.queues().filter { queues.contains($0.name) && $0.consumers == 0 }.map(\.name)) ?? without
      }
      #expect(without.isEmpty)
      consumers.cancel()
      _ = await consumers.result
    }
  }

  private static func publish(_ message: Publication, on broker: RabbitMQBroker) async throws {
    while true {
      let result = try await broker.publish([message])[0]
      if result.isStored { return }
      if result.error?.code != .unknownOutcome { throw ScenarioFailure("stored, not \(result)") }
    }
  }

  @Test func aBrokerShortOfMemoryMakesPublishersWaitAndLetsWorkersFinish() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).q"))
    var configuration = RabbitMQConfiguration()
    configuration.publishDeadline = .seconds(2)
    let broker = try RabbitMQBroker(urls: try #require(RealBroker.urls), configuration: configuration)
    try await broker.withBroker { broker in
      let bench = Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
      try await bench.fill(queue, "a")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        try await RealBroker.script("ctl", "set_vm_memory_high_watermark", "absolute", "1000000")
        var refused: PublishResult?
        // The alarm is raised within a second; the first that comes after it also tells this connection.
        for _ in 0..<20 {
          let result = try await broker.publish([Publication(bench.message("b"), to: .queue(queue.name))])[0]
          if !result.isStored {
            refused = result
            break
          }
          try await Task.sleep(for: .milliseconds(200))
        }
        guard let error = refused?.error else {
          throw ScenarioFailure("refused, not \(String(describing: refused))")
        }
        #expect(error.isRetryable, "\(error)")
        let findings = try await broker.diagnose()
        #expect(findings.contains { $0.severity == .problem })
        let outcome = try await broker.settle(delivery, as: .complete)
        #expect(outcome == .settled)
        try await RealBroker.script("ctl", "set_vm_memory_high_watermark", "0.6")
        let end = ContinuousClock.now + .seconds(20)
        while try await !broker.publish([Publication(bench.message("c"), to: .queue(queue.name))])[0].isStored {
          if ContinuousClock.now > end { throw ScenarioFailure("publishing goes on") }
        }
      }
    }
  }
}
