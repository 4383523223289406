import AMQP
import BrokerConformance
import Foundation
import Testing
import Warren

@testable import WarrenRabbitMQ

/// RabbitMQ's `consumer_timeout`: no worker begins what the broker would interrupt.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note))
struct TimeoutTests {
  @Test func aWorkerThatMayTakeLongerThanTheBrokerLetsDoesNotBegin() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).slow"))
    try await RabbitMQBroker(url: try #require(RealBroker.url)).withBroker { broker in
      let worker = try Worker(broker, name: "slow") {
        Subscription(queue) { OnAny { _, _ in } }.timeout(.seconds(1200))
      }
      if try await server(broker).consumersHaveTimeouts {
        try await broker.apply(worker.topology)
        let lease = try await broker.lease(of: queue.name, wanted: .seconds(2400))
        #expect(lease?.duration == .seconds(2400))
        try await broker.consume(queue.name, prefetch: 1) { _ in
          let asked = try await consumer(of: queue.name)
          #expect(asked.wantedTimeout == 2_400_000)
        }
        return
      }
      let error = await #expect(throws: BrokerError.self) { try await worker.run() }
      #expect(error?.code == .invalid)
      // 20 min twice, since 20 are prefetched for 10 handlers; 15 min would do.
      for text in [
        "'slow'", queue.name.rawValue, "40 min", "2 times", "30 min", ".timeout(.seconds(900))", "consumer_timeout",
      ] {
        #expect(error?.message.contains(text) == true, "\(text) in: \(error?.message ?? "")")
      }
      // With a prefetch as small as the concurrency a handler has the time for itself.
      let quick = try Worker(broker, name: "quick") {
        Subscription(queue) { OnAny { _, _ in } }.timeout(.seconds(1200)).prefetch(3)
      }
      try await runs(quick, on: queue.name, broker)
    }
  }

  @Test func whatIsConfiguredIsBelievedWhereTheBrokerDoesNotTell() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).slow"))
    var configuration = RabbitMQConfiguration()
    configuration.consumerTimeout = .seconds(60)
    let url = try #require(RealBroker.urlWithoutManagement)
    try await RabbitMQBroker(url: url, configuration: configuration).withBroker { broker in
      try await broker.apply(Topology(queues: [queue]))
      let lease = try #require(try await broker.lease(of: queue.name, wanted: .seconds(59)))
      #expect(lease.duration == .seconds(60))
      #expect(lease.source.contains("RabbitMQConfiguration.consumerTimeout"))
    }
    configuration.consumerTimeout = nil
    try await RabbitMQBroker(url: url, configuration: configuration).withBroker { broker in
      let lease = try await broker.lease(of: queue.name, wanted: .seconds(1_000_000))
      #expect(lease == nil)
    }
  }

  @Test func aQueuesOwnLimitAndAPolicyAreSeenWhereTheyCount() async throws {
    let name = QueueName("t\(UInt32.random(in: 0...UInt32.max)).own")
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        try await channel.declareQueue(
          name.rawValue, arguments: ["x-queue-type": "quorum", "x-consumer-timeout": 90_000])
        try await broker.withBroker { broker in
          let server = try await server(broker)
          // 3.10 knows neither and tells nothing: what is configured is believed.
          let own = try #require(try await broker.lease(of: name, wanted: .seconds(1)))
          #expect(own.duration == .seconds(server.queuesHaveTimeouts ? 90 : 1800), "\(own)")
          if !server.queuesHaveTimeouts { return }
          #expect(own.source.contains("x-consumer-timeout"))
          let policy = "policies/%2F/\(name)"
          _ = try await RealBroker.api(
            policy, method: "PUT",
            body: #"{"pattern":"^\#(name)$","apply-to":"queues","definition":{"consumer-timeout":45000}}"#)
          let lower = try await until {
            try await broker.lease(of: name, wanted: .seconds(1))
          } holds: {
            $0?.duration == .seconds(45)
          }
          #expect(lower?.source.contains("policy") == true)
          _ = try await RealBroker.api(policy, method: "DELETE")
        }
        try await channel.deleteQueue(name.rawValue)
      }
    }
  }

  @Test func whatHoldsForANeighbourIsNotTheBrokersLimit() async throws {
    let prefix = "t\(UInt32.random(in: 0...UInt32.max))"
    let (neighbour, queue) = ("\(prefix).neighbour", Queue(QueueName("\(prefix).q")))
    let url = try #require(RealBroker.url)
    try await AMQPConnection.withConnection(try RealBroker.foreign()) { foreign in
      try await foreign.withChannel { channel in
        let arguments: AMQPTable = ["x-queue-type": "quorum", "x-consumer-timeout": 90_000]
        try await channel.declareQueue(neighbour, arguments: arguments)
        let held = try await channel.consume(neighbour)
        let shown = try await consumer(of: QueueName(neighbour))
        try await RabbitMQBroker(url: url).withBroker { broker in
          try await broker.apply(Topology(queues: [queue]))
          let lease = try await broker.lease(of: queue.name, wanted: .seconds(1))
          #expect(lease?.duration == .seconds(1800), "\(String(describing: lease))")
          // A process that listens for nothing, where no other does.
          if try await server(broker).queuesHaveTimeouts {
            #expect(shown.consumerTimeout == 90_000)
            #expect(Leases.brokersOwn([shown], limited: []) == 90_000)
            let queues = try #require(await broker.management.queues())
            let limited = Set(queues.filter { $0.consumerTimeout != nil }.map(\.name))
            #expect(Leases.brokersOwn([shown], limited: limited) == nil)
          }
        }
        withExtendedLifetime(held) {}
        try await channel.deleteQueue(neighbour)
      }
    }
  }

  @Test func theBrokersOwnLimitIsSeenBesideAConsumer() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).own"))
    var configuration = RabbitMQConfiguration()
    configuration.consumerTimeout = .seconds(60)
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url), configuration: configuration)
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: [queue]))
      if try await !server(broker).queuesHaveTimeouts { return }
      // This process itself has a consumer, for announcements.
      let lease = try await until {
        try await broker.lease(of: queue.name, wanted: .seconds(1))
      } holds: {
        $0?.duration == .seconds(1800)
      }
      #expect(lease?.source == "the broker's consumer_timeout")
    }
  }

  /// Whether a worker begins: it ends only when it is told to.
  private func runs(_ worker: Worker, on queue: QueueName, _ broker: RabbitMQBroker) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      group.addTask {
        _ = try await until {
          try await broker.queue(queue)
        } holds: {
          $0?.consumers == 1
        }
      }
      try await group.next()
      group.cancelAll()
    }
  }
}

/// By themselves: what they set, and what they find, everybody at that broker would see.
extension RecoveryTests {
  @Test func doctorSeesFromAnotherProcessWhatAWorkerMayNeed() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).slow"))
    let url = try #require(RealBroker.url)
    var trusting = RabbitMQConfiguration()
    trusting.consumerTimeout = nil
    // The worker's process was told that there is no limit.
    let worker = try RabbitMQBroker(url: RealBroker.urlWithoutManagement ?? url, configuration: trusting)
    try await worker.withBroker { worker in
      try await worker.apply(Topology(queues: [queue]))
      _ = try await worker.lease(of: queue.name, wanted: .seconds(7200))
      try await worker.consume(queue.name, prefetch: 1) { _ in
        try await RabbitMQBroker(url: url).withBroker { doctor in
          if try await server(doctor).consumersHaveTimeouts { return }
          _ = try await consumer(of: queue.name)
          let findings = try await doctor.diagnose().filter { $0.queue == queue.name && $0.text.contains("2 h") }
          let finding = try #require(findings.first)
          // 4.0 tells its limit; 3.10 does not, so there it may be otherwise.
          #expect(finding.severity == (try await server(doctor).queuesHaveTimeouts ? .problem : .warning))
          #expect(finding.text.contains("30 min") && finding.fix?.text.contains("consumer_timeout") == true)
        }
      }
    }
  }

  @Test func whatTheBrokerTookAwayIsAFinding() async throws {
    let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).slow"))
    let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
    try await broker.withBroker { broker in
      let bench = Bench(broker: broker, clock: SystemClock(), url: nil) { try await Task.sleep(for: $0) }
      func set(_ timeout: Int, _ tick: Int) async throws {
        try await RealBroker.script(
          "ctl", "eval",
          "application:set_env(rabbit, consumer_timeout, \(timeout)), "
            + "application:set_env(rabbit, channel_tick_interval, \(tick)), "
            + "application:set_env(rabbit, quorum_tick_interval, \(tick)).")
      }
      try await set(1000, 500)
      do {
        try await bench.fill(queue, "x")
        try await bench.consume(queue) { consumer in
          let held = try await consumer.mustNext()
          let again = try await consumer.mustNext()
          #expect(again.message.id == held.message.id)
          let late = try await broker.settle(held, as: .complete)
          #expect(late == .stale)
          _ = try await broker.settle(again, as: .complete)
        }
      } catch {
        try await set(1_800_000, 5000)
        throw error
      }
      try await set(1_800_000, 5000)
      // From 4.3 on the consumer is cancelled, and nothing says why.
      if try await server(broker).consumersHaveTimeouts { return }
      let finding = try await broker.diagnose().first { $0.queue == queue.name && $0.severity == .problem }
      #expect(finding?.text.contains("1 s (consumer_timeout)") == true, "\(String(describing: finding))")
    }
  }
}

/// What a version does is decided in one place.
private func server(_ broker: RabbitMQBroker) async throws -> Server { try await broker.parts().session.server }

/// A consumer of a queue as the management API shows it, which is late.
private func consumer(of queue: QueueName) async throws -> ManagementAPI.ConsumerInfo {
  let broker = try RabbitMQBroker(url: try #require(RealBroker.url))
  let found = try await until {
    await broker.management.consumers()?.first { $0.queueName == queue.rawValue }
  } holds: {
    $0 != nil
  }
  return try #require(found)
}
