import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations

@Suite("The overview and its health") struct OverviewTests {
  static func queue(
    _ name: QueueName, ready: Int = 0, oldest: Date? = nil, paused: Bool = false, dead: Bool = false, consumers: Int = 1
  ) -> QueueStatus {
    QueueStatus(
      name: name, ready: ready, delayed: 0, running: 0, oldest: oldest, isPaused: paused, holdsDeadLetters: dead,
      deadLetterQueue: dead ? nil : QueueName("\(name).dlq"), consumers: consumers, totals: nil)
  }

  @Test(
    "states and findings",
    arguments: [
      (queue("q"), QueueStatus.State.active, false), (queue("q", ready: 3), .active, false),
      (queue("q", consumers: 0), .active, false), (queue("q", ready: 3, consumers: 0), .unattended, true),
      (queue("q", paused: true, consumers: 0), .paused, true),
      (queue("q", dead: true, consumers: 0), .deadLetters, false),
      (queue("q", ready: 1, dead: true, consumers: 0), .deadLetters, true),
      (queue("q", ready: 1, oldest: time(0)), .active, true), (queue("q", ready: 1, oldest: time(900)), .active, false),
    ])
  func states(status: QueueStatus, state: QueueStatus.State, isFound: Bool) {
    #expect(status.state == state)
    let findings = HealthRule().findings(about: [status], now: time(1_000))
    #expect(findings.count == (isFound ? 1 : 0))
    #expect(findings.allSatisfy { $0.fix != nil && $0.queue == "q" })
    #expect(findings.allSatisfy { $0.severity == (state == .unattended ? .problem : .warning) })
  }

  @Test("the worst finding is the health") func health() async throws {
    let broker = FakeBroker()
    let operations = Operations(broker)
    broker.state.withLock { $0.queues = [Self.queue("b"), Self.queue("a")] }
    let fine = try await operations.overview()
    #expect(fine.health == .fine)
    #expect(fine.queues?.map(\.name) == ["a", "b"])
    broker.state.withLock { state in
      state.queues.append(Self.queue("a.dlq", ready: 2, dead: true))
      state.findings = [Finding(.fine, "good"), Finding(.problem, "bad", fix: "fix it")]
    }
    let ill = try await operations.overview()
    #expect(ill.health == .problem)
    #expect(ill.findings.map(\.severity) == [.problem, .warning])
    #expect(try await operations.diagnosis().map(\.severity) == [.problem, .warning, .fine])
  }

  @Test("what the engine says about a queue is not said again") func once() async throws {
    let broker = FakeBroker()
    broker.state.withLock { state in
      state.queues = [Self.queue("a", paused: true), Self.queue("b", paused: true)]
      state.findings = [
        Finding(.warning, queue: "a", "the queue 'a' is paused"), Finding(.fine, queue: "b", "the queue 'b' is there"),
      ]
    }
    let findings = try await Operations(broker).overview().findings
    #expect(findings.map(\.text) == ["the queue 'a' is paused", "b: paused"])
  }

  @Test("workers that consume nothing are not shown") func workers() async throws {
    let broker = FakeBroker()
    broker.state.withLock {
      $0.workers = [
        WorkerStatus(name: "command", since: time(0), queues: [], running: 0),
        WorkerStatus(name: "w", since: time(0), queues: ["b", "a"], running: 1),
      ]
    }
    let workers = try await Operations(broker).workers()
    #expect(workers.map(\.name) == ["w"])
    #expect(workers.first?.queues == ["a", "b"])
  }

  @Test("what is shown can be read back") func codable() async throws {
    let broker = FakeBroker()
    broker.state.withLock { $0.queues = [Self.queue("a", ready: 1, oldest: time(5), consumers: 0)] }
    let overview = try await Operations(broker, clock: StillClock(now: time(9))).overview()
    let data = try JSONEncoder().encode(overview)
    #expect(try JSONDecoder().decode(Overview.self, from: data) == overview)
  }

  @Test("a queue that is not there") func noQueue() async {
    let error = await #expect(throws: BrokerError.self) { try await Operations(FakeBroker()).queue("x") }
    #expect(error?.code == .notFound)
  }

  @Test("what an engine cannot do is said in a sentence") func unsupported() async {
    let operations = Operations(BareBroker())
    for attempt: @Sendable () async throws -> Void in [
      { _ = try await operations.overview() }, { try await operations.pause("q") },
      { _ = try await operations.survey(DeadLetterSelection()) },
    ] {
      let error = await #expect(throws: BrokerError.self) { try await attempt() }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains("Bare 1") == true)
    }
  }
}
