import BrokerConformance
import Foundation
import Logging
import Synchronization
import Testing
import Warren
import WarrenTesting

private struct Report: JobMessage {
  static let name: MessageName = "report"
  static let queue: Queue = "reports"
  var tick: Date
}

private let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
private let hour = Duration.seconds(3600)

/// Schedules, by a virtual clock.
@Suite final class SchedulerTests: Sendable {
  // On the hour.
  private let broker: TestBroker
  private let begin = Date(timeIntervalSince1970: 1_800_000_000)
  private var schedules: Schedules { Schedules(broker, clock: broker.clock) }

  init() throws { broker = try TestBroker(clock: VirtualClock(now: begin)) }

  private func scheduler(
    on other: (any Broker)? = nil, missed: MissedRuns = .latest, _ recurrence: Recurrence = .every(hour)
  ) throws -> Scheduler {
    try Scheduler(EventBus(other ?? broker, source: "books"), store: broker, logger: quiet) {
      Schedule("report", recurrence, missed: missed) { Report(tick: $0) }
    }
  }

  /// Runs schedulers while `body` runs, which begins when the schedule is known.
  private func running(_ schedulers: Scheduler..., body: @escaping @Sendable () async throws -> Void) async throws {
    try await broker.withBroker { [self] broker in
      try await broker.apply(Topology(jobs: [Report.self]))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for scheduler in schedulers { group.addTask { try await scheduler.run() } }
        try await broker.wait(for: "the schedule is known") { try await schedules.all().count == 1 }
        try await body()
        group.cancelAll()
      }
    }
  }

  private var ticks: [Int] {
    get throws { try broker.published(Report.self).map { Int($0.tick.timeIntervalSince(begin)) } }
  }
  private func enqueued(_ count: Int) async throws {
    try await broker.wait(for: "\(count) jobs are enqueued") { try ticks.count >= count }
    try await broker.wait(for: "that is recorded") {
      try await schedules.schedule("report").next.map { $0 > broker.clock.now } ?? false
    }
  }

  @Test func aTickIsEnqueuedByOneOfManyProcesses() async throws {
    try await running(scheduler(), scheduler(), scheduler()) { [self] in
      for number in 1...5 {
        broker.advance(by: hour)
        try await enqueued(number)
      }
    }
    #expect(try ticks == [3600, 7200, 10_800, 14_400, 18_000])
    #expect(broker.published.first?.message.id == "schedule:books/report@2027-01-15T09:00:00Z")
  }

  @Test("Two processes that each take themselves for the leader enqueue a tick once, without help of the engine")
  func twoLeaders() async throws {
    try await running(scheduler(on: Careless(base: broker)), scheduler(on: Careless(base: broker))) { [self] in
      for number in 1...50 {
        broker.advance(by: hour)
        try await enqueued(number)
      }
    }
    #expect(try ticks == (1...50).map { $0 * 3600 })
  }

  @Test(arguments: [(MissedRuns.skip, [Int]()), (.latest, [100]), (.all(limit: 3), [98, 99, 100])])
  func aMachineThatSlept(_ missed: MissedRuns, _ wanted: [Int]) async throws {
    try await running(scheduler(missed: missed)) { [self] in
      broker.advance(by: hour * 100 + .seconds(120))
      try await enqueued(wanted.count)
      // Later ticks come again.
      broker.advance(by: hour - .seconds(120))
      try await enqueued(wanted.count + 1)
    }
    #expect(try ticks == (wanted + [101]).map { $0 * 3600 })
  }

  @Test func aTickWhoseProcessDiedIsEnqueuedByTheNext() async throws {
    // The publish is done, and the process dies before it has noted that.
    let dying = Careless(base: broker, dies: true)
    let waiting = try await broker.withBroker { [self] broker in
      try await broker.apply(Topology(jobs: [Report.self]))
      let first = try scheduler(on: dying)
      let work = Task { try await first.run() }
      try await broker.wait(for: "the schedule is known") { try await schedules.all().count == 1 }
      broker.advance(by: hour)
      try await broker.wait(for: "it is enqueued") { try ticks.count == 1 }
      work.cancel()
      _ = await work.result
      let second = try scheduler()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await second.run() }
        // The next one waits for ten seconds, and asks for them by the clock.
        try await broker.wait(for: "it waits") { broker.virtualClock.sleepers > 0 }
        broker.advance(by: .seconds(10))
        try await enqueued(2)
        group.cancelAll()
      }
      return try await broker.queues().first { $0.name == "reports" }?.ready
    }
    #expect(try ticks == [3600, 3600])
    #expect(Set(broker.published.map(\.message.id)).count == 1)
    #expect(waiting == 1, "the engine keeps the repeat out")
  }

  /// An hour back, an hour forward, and ten years forward and back again: each tick is done once, and the next comes.
  @Test func aClockThatIsSetRepeatsNoTickAndStopsNone() async throws {
    try await running(scheduler()) { [self] in
      broker.advance(by: hour)
      try await enqueued(1)
      broker.virtualClock.jump(by: .seconds(-3600))
      broker.advance(by: hour)
      try await enqueued(1)
      broker.advance(by: hour)
      try await enqueued(2)
      broker.virtualClock.jump(by: hour)
      broker.advance(by: .seconds(1))
      try await enqueued(3)
      let decade = Duration.seconds(10 * 366 * 86_400)
      broker.virtualClock.jump(by: decade)
      broker.advance(by: .seconds(1))
      try await enqueued(4)
      broker.virtualClock.jump(by: .zero - decade)
      broker.advance(by: hour)
      try await broker.wait(for: "the next tick") {
        broker.advance(by: .seconds(60))
        return try ticks.count == 5
      }
    }
    let seen = try ticks
    #expect(Set(seen).count == 5)
    #expect(seen.prefix(3) == [3600, 7200, 10_800])
  }

  @Test func whatCannotBeEnqueuedIsTriedAgainAndShown() async throws {
    broker.inject(.publishFails(.full, of: "report", times: 3))
    try await running(scheduler()) { [self] in
      broker.advance(by: hour)
      try await broker.wait(for: "it has failed") { try await schedules.schedule("report").error != nil }
      for _ in 0..<3 {
        try await broker.wait(for: "it sleeps") { broker.virtualClock.sleepers > 0 }
        broker.advance(by: .seconds(10))
      }
      try await broker.wait(for: "it is enqueued") {
        broker.advance(by: .seconds(10))
        return try await schedules.schedule("report").error == nil
      }
    }
    #expect(try ticks == [3600])
  }

  @Test func anOperatorPausesResumesAndRuns() async throws {
    try await running(scheduler()) { [self] in
      try await schedules.pause("report")
      #expect(try await schedules.all().map(\.isPaused) == [true])
      let id = try await schedules.run("books/report")
      broker.advance(by: .seconds(1))
      try await broker.wait(for: "it is run") { broker.published.map(\.message.id) == [id] }
      broker.advance(by: hour * 5)
      try await schedules.resume("report")
      let next = try await schedules.schedule("report").next
      #expect(next == begin.addingTimeInterval(6 * 3600))
      #expect(try await schedules.next(2, of: "report") == [6, 7].map { begin.addingTimeInterval($0 * 3600) })
      broker.advance(by: hour)
      try await broker.wait(for: "the next tick") { broker.published.count == 2 }
      await #expect(throws: BrokerError.self) { try await schedules.pause("other") }
    }
    #expect(try ticks.last == 6 * 3600)
  }

  @Test func aScheduleThatTheProgramNoLongerHasIsForgotten() async throws {
    let changed = try Scheduler(EventBus(broker, source: "books"), logger: quiet) {
      Schedule("other", .every(hour)) { Report(tick: $0) }
    }
    let neighbour = try Scheduler(EventBus(broker, source: "films"), logger: quiet) {
      Schedule("report", .every(hour)) { Report(tick: $0) }
    }
    let first = try scheduler()
    try await broker.withBroker { [self] broker in
      for (scheduler, names) in [
        (neighbour, ["films/report"]), (first, ["books/report", "films/report"]),
        (changed, ["books/other", "films/report"]),
      ] {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await scheduler.run() }
          try await broker.wait(for: "\(names)") { try await schedules.all().map(\.name) == names }
          group.cancelAll()
        }
      }
    }
  }

  @Test func whatCannotWorkIsRefusedAtStart() throws {
    let error = #expect(throws: BrokerError.self) {
      try Scheduler(EventBus(Careless(base: broker), source: "books")) {
        Schedule("a", .every(hour)) { Report(tick: $0) }
      }
    }
    #expect(error?.code == .unsupported && error?.message.contains("DatabaseStore") == true)
    for wrong in [
      [Schedule("a", .cron("0 25 * * *")) { Report(tick: $0) }], [],
      [Schedule("a/b", .every(hour)) { Report(tick: $0) }],
      [Schedule("a", .every(hour)) { Report(tick: $0) }, Schedule("a", .every(hour)) { Report(tick: $0) }],
      [Schedule("a", .every(hour), missed: .all(limit: 0)) { Report(tick: $0) }],
    ] {
      let error = #expect(throws: BrokerError.self) { try Scheduler(EventBus(broker, source: "books")) { wrong } }
      #expect(error?.code == .invalid)
    }
  }
}

/// An engine that gives its locks to everyone, keeps no repeats out and is no store: what a process sees that has lost its lock
/// and has not noticed.
private struct Careless: ForwardingBroker, LockingBroker {
  let base: TestBroker
  var dies = false
  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    if !dies { capabilities.uniqueness = [] }
    return capabilities
  }
  func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result { try await body() }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    let results = try await base.publish(publications)
    // Dead: it neither answers nor goes on.
    if dies {
      try? await Task.sleep(for: .seconds(3600))
      throw BrokerError(.stopped, "dead")
    }
    return results
  }
}
