import BrokerConformance
import Foundation
import Synchronization
import Testing
import Warren
import WarrenOperations
import WarrenTesting

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
    let broker = try ScriptedBroker()
    let operations = Operations(broker)
    broker.script.withLock { script in
      script.queues = [Self.queue("b"), Self.queue("a")]
      script.findings = []
    }
    let fine = try await operations.overview()
    #expect(fine.health == .fine)
    #expect(fine.queues?.map(\.name) == ["a", "b"])
    broker.script.withLock { script in
      script.queues?.append(Self.queue("a.dlq", ready: 2, dead: true))
      script.findings = [Finding(.fine, "good"), Finding(.problem, "bad", fix: "fix it")]
    }
    let ill = try await operations.overview()
    #expect(ill.health == .problem)
    #expect(ill.findings.map(\.severity) == [.problem, .warning])
    #expect(try await operations.diagnosis().map(\.severity) == [.problem, .warning, .fine])
  }

  @Test("no workers beside queues that have consumers is a list that is late, and so unknown") func late() async throws
  {
    let broker = try ScriptedBroker()
    func workers(consumers: Int) async throws -> [WorkerStatus]? {
      broker.script.withLock { script in
        script.workers = []
        script.queues = [Self.queue("q", consumers: consumers)]
      }
      return try await Operations(broker).overview().workers
    }
    #expect(try await workers(consumers: 1) == nil)
    #expect(try await workers(consumers: 0) == [])
  }

  @Test("workers that consume nothing are not shown") func workers() async throws {
    let broker = try ScriptedBroker()
    broker.script.withLock {
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
    let broker = try ScriptedBroker()
    broker.script.withLock { $0.queues = [Self.queue("a", ready: 1, oldest: time(5), consumers: 0)] }
    let overview = try await Operations(broker).overview()
    let data = try JSONEncoder().encode(overview)
    #expect(try JSONDecoder().decode(Overview.self, from: data) == overview)
  }

  @Test("what the engine cannot tell is null, and not 0") func unknown() async throws {
    let broker = try ScriptedBroker()
    broker.script.withLock { script in
      script.isBlind = true
      script.findings = [Finding(.warning, "it cannot be seen")]
    }
    let overview = try await Operations(broker).overview()
    #expect(overview.queues == nil && overview.workers == nil && overview.health == .warning)
    let error = await #expect(throws: BrokerError.self) { try await Operations(broker).workers() }
    #expect(error?.code == .unsupported)
    var status = Self.queue("a")
    status.running = nil
    let encoded = String(decoding: try JSONEncoder().encode(status), as: UTF8.self)
    #expect(encoded.contains(#""running":null"#) && encoded.contains(#""state":"active""#))
  }

  @Test("a queue that is not there") func noQueue() async throws {
    let operations = Operations(try ScriptedBroker())
    let error = await #expect(throws: BrokerError.self) { try await operations.queue("x") }
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
