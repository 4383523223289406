import BrokerConformance
import Foundation
import Logging
import Metrics
import Synchronization
import Testing
import WarrenTesting

@testable import Warren

private struct SendMail: JobMessage {
  static let name: MessageName = "mail.send"
  static let queue: Queue = "mails"
  static let retry: RetryPolicy = .fixed([.seconds(5), .seconds(5)])
  var number: Int
}
private struct Charge: JobMessage {
  static let name: MessageName = "charge"
  static let queue: Queue = "charges"
  var number: Int
}
private struct Down: Error {}
private struct OtherError: Error {}

/// A worker's circuit breaker, by a clock that a test turns.
@Suite final class BreakerTests: Sendable {
  private let broker: TestBroker
  private let bus: EventBus
  private let rule = BreakerRule(failures: 1, of: 3, pause: .seconds(60), longestPause: .seconds(120))
  /// What the mail server does: the numbers of the calls, and whether they fail.
  private let server = Mutex((calls: [Int](), isDown: true))

  init() throws {
    broker = try TestBroker()
    bus = EventBus(broker, source: "test")
  }

  private func call(_ number: Int) throws {
    let isDown = server.withLock { server in
      server.calls.append(number)
      return server.isDown
    }
    if isDown { throw Down() }
  }
  private var calls: [Int] { server.withLock { $0.calls } }
  private func bringBack() { server.withLock { $0.isDown = false } }

  private func mails(_ failsOn: (@Sendable (any Error) -> Bool)? = nil) -> On<SendMail> {
    On(SendMail.self) { [self] mail, _ in try call(mail.number) }
      .concurrency(1).breaker("mail-server", rule, failsOn: failsOn)
  }
  private func worker(@WorkerBuilder _ components: () -> [WorkerComponent]) throws -> Worker {
    try Worker(broker, name: "w", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }, components)
  }
  private func enqueue(_ numbers: ClosedRange<Int>) async throws {
    _ = try await bus.enqueue(numbers.map { JobRequest(SendMail(number: $0)) })
  }
  /// Waits until the breaker is open, or closed.
  private func isOpen(_ isOpen: Bool) async throws {
    try await broker.wait(for: isOpen ? "the breaker opens" : "the breaker closes") {
      try await Breakers(broker).all().isEmpty != isOpen
    }
  }

  @Test func whileItIsOpenMessagesWaitAndOnlyTriesAreMade() async throws {
    try await broker.working(worker { mails() }) { [self] in
      try await enqueue(1...10)
      try await isOpen(true)
      // All are in the queue, those that failed wait for their retry, and none is with the worker.
      try await broker.wait(for: "nothing is held") {
        try await broker.queue("mails").map { $0.running == 0 && $0.ready + ($0.delayed ?? 0) == 10 } ?? false
      }
      #expect(calls == [1, 2, 3])
      broker.advance(by: .seconds(59))
      #expect(calls.count == 3)
      broker.advance(by: .seconds(1))
      try await broker.wait(for: "a message tries") { calls.count == 4 }
      try await broker.wait(for: "nothing is held again") { try await broker.queue("mails")?.running == 0 }
      broker.advance(by: .seconds(119))
      #expect(calls.count == 4, "the second pause is twice as long")
      bringBack()
      broker.advance(by: .seconds(1))
      try await broker.runUntilIdle()
      #expect(Set(calls) == Set(1...10) && calls.count == 14)
      #expect(try await Breakers(broker).all().isEmpty)
      #expect(try await broker.deadLetters(DeadLetterSelection()).letters.isEmpty)
    }
  }

  @Test func triesThatFailCostNoAttempt() async throws {
    try await broker.working(worker { mails() }) { [self] in
      try await enqueue(1...6)
      try await isOpen(true)
      // Two hours down, and a job has three attempts.
      var pause = rule.pause
      for _ in 0..<60 {
        try await broker.wait(for: "nothing is held") { try await broker.queue("mails")?.running == 0 }
        let count = calls.count
        broker.advance(by: pause)
        try await broker.wait(for: "a message tries") { calls.count > count }
        pause = rule.longestPause
      }
      try await broker.wait(for: "nothing is held") { try await broker.queue("mails")?.running == 0 }
      #expect(try await broker.deadLetters(DeadLetterSelection()).letters.isEmpty)
      bringBack()
      try await broker.runUntilIdle()
      #expect(Set(calls) == Set(1...6))
      #expect(try await broker.queue("mails").map { $0.ready + ($0.delayed ?? 0) } == 0)
      #expect(try await broker.deadLetters(DeadLetterSelection()).letters.isEmpty)
    }
  }

  @Test func aMessageThatIsAloneAndFailsGivesUpAsAlways() async throws {
    let rule = BreakerRule(failures: 1, of: 1, pause: .seconds(60))
    let on = On(SendMail.self) { [self] mail, _ in try call(mail.number) }.breaker("mail-server", rule)
    try await broker.working(worker { on }) { [self] in
      let receipt = try await bus.enqueue(SendMail(number: 1))
      try await broker.runUntilIdle()
      #expect(try await broker.deadLettered(receipt.id).kind == .exhausted)
      // The first opens it, the first try is spared, the second retry and the last attempt count.
      #expect(calls.count == 4)
    }
  }

  @Test func queuesOfOneDependencyShareItAndOthersGoOn() async throws {
    let worker = try worker {
      mails()
      On(Charge.self) { [self] charge, _ in try call(100 + charge.number) }.concurrency(1).breaker("mail-server", rule)
      Subscription("others", on: "events") { OnAny { [self] _, _ in server.withLock { $0.calls.append(1000) } } }
    }
    try await broker.working(worker) { [self] in
      try await enqueue(1...3)
      try await isOpen(true)
      #expect(try await Breakers(broker).all().first?.queues == ["mails", "charges"])
      try await bus.enqueue(Charge(number: 1))
      _ = try await broker.publish([
        Publication(Message(id: "e", name: "e", body: Data("{}".utf8)), to: .exchange("events", "e"))
      ])
      try await broker.completed("e")
      #expect(!calls.contains(101))
      bringBack()
      try await broker.runUntilIdle()
      #expect(calls.contains(101))
    }
  }

  @Test func itIsShownAndResetFromOutside() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) {
      try await broker.working(worker { mails() }) { [self] in
        #expect(metrics.value("warren_breaker_open", ["dependency": "mail-server", "worker": "w"]) == 0)
        try await enqueue(1...4)
        try await isOpen(true)
        #expect(metrics.value("warren_breaker_open", ["dependency": "mail-server"]) == 1)
        let status = try #require(try await Breakers(broker).all().first)
        #expect(status.dependency == "mail-server" && status.worker == "w" && status.queues == ["mails"])
        #expect(status.error.contains("Down") && status.until == broker.clock.now.addingTimeInterval(60))
        let finding = try #require(status.findings(now: broker.clock.now).first)
        #expect(finding.severity == .warning && finding.queue == "mails" && finding.fix?.dependency == "mail-server")
        await #expect(throws: BrokerError.self) { try await Breakers(broker).reset("other") }
        bringBack()
        #expect(try await Breakers(broker).reset("mail-server") == 1)
        // It looks once a second, from when it has begun to; its pause would be over after a minute only.
        try await broker.wait(for: "the breaker is closed") {
          if broker.clock.now < status.until.addingTimeInterval(-1) { broker.advance(by: .milliseconds(250)) }
          return try await Breakers(broker).all().isEmpty
        }
        try await broker.wait(for: "the fourth mail") { calls.contains(4) }
        #expect(metrics.value("warren_breaker_open", ["dependency": "mail-server"]) == 0)
      }
    }
  }

  @Test func theRecordGoesWithItsWorkerAndOutlivesAKilledOneForAMinute() async throws {
    try await broker.withBroker { [self] _ in
      try await broker.apply(Topology(jobs: [SendMail.self]))
      let run = Task { try await worker { mails() }.run() }
      try await enqueue(1...3)
      try await isOpen(true)
      run.cancel()
      _ = try? await run.value
      #expect(try await Breakers(broker).all().isEmpty)
      let record = BreakerRecord(
        dependency: "d", worker: "w", process: "h:1", queues: [], since: broker.clock.now,
        until: broker.clock.now.addingTimeInterval(10), error: "")
      _ = try await record.write(
        to: StoreKey(.breaker, "d/w/1"), replacing: nil, in: broker, now: broker.clock.now)
      #expect(try await Breakers(broker).all().count == 1)
      broker.advance(by: .seconds(71))
      #expect(try await Breakers(broker).all().isEmpty)
    }
  }

  @Test func onlyTheDependencysErrorsCount() async throws {
    let on = On(SendMail.self) { mail, _ in
      if mail.number % 2 == 0 { throw OtherError() }
      throw Outcome.postpone(for: .seconds(3600))
    }.concurrency(1).breaker("mail-server", rule, failsOn: { $0 is Down })
    try await broker.working(worker { on }) { [self] in
      try await enqueue(1...20)
      try await broker.wait(for: "all were tried") {
        try await broker.queue("mails").map { $0.ready == 0 && $0.running == 0 && $0.delayed == 20 } ?? false
      }
      #expect(try await Breakers(broker).all().isEmpty)
    }
  }

  @Test func whatAnErrorSaysOfTheDependency() {
    let plan = BreakerPlan(dependency: "d", rule: .standard, isFailure: nil)
    let policy = RetryPolicy.standard.on(OtherError.self) { _ in .deadLetter("no") }
    #expect(plan.result(of: Down(), policy: policy) == .failure)
    #expect(plan.result(of: Outcome.retry(), policy: policy) == .failure)
    #expect(plan.result(of: OtherError(), policy: policy) == .unknown)
    #expect(plan.result(of: Outcome.postpone(for: .seconds(1)), policy: policy) == .unknown)
    #expect(plan.result(of: Outcome.complete, policy: policy) == .success)
    #expect(plan.result(of: Down(), policy: policy.on(Down.self) { _ in .postpone(for: .seconds(1)) }) == .failure)
    let strict = BreakerPlan(dependency: "d", rule: .standard, isFailure: { $0 is OtherError })
    #expect(strict.result(of: Down(), policy: policy) == .unknown)
    #expect(strict.result(of: OtherError(), policy: policy) == .failure)
  }

  @Test func whatContradictsItselfIsRefused() throws {
    func refuses(_ word: String, @WorkerBuilder _ components: () -> [WorkerComponent]) {
      let error = #expect(throws: BrokerError.self) { try worker(components) }
      #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
    }
    let other = BreakerRule(probes: 2)
    refuses("two rules") {
      mails()
      On(Charge.self) { _, _ in }.breaker("mail-server", other)
    }
    refuses("part above 0") { On(Charge.self) { _, _ in }.breaker("x", BreakerRule(failures: 0)) }
    refuses("cannot name") { On(Charge.self) { _, _ in }.breaker("a/b") }
    refuses("shorter") {
      On(Charge.self) { _, _ in }.breaker("x", BreakerRule(pause: .seconds(60), longestPause: .seconds(1)))
    }
  }
}
