public import Foundation

/// A schedule, as an operator sees it.
public struct ScheduleStatus: Sendable, Equatable, Codable {
  /// Its name, with that of its scheduler: `bookings/report`.
  public var name: String
  /// The job that it enqueues.
  public var job: MessageName
  /// Where.
  public var queue: QueueName
  /// When it is due.
  public var recurrence: Recurrence
  /// What becomes of missed ticks.
  public var missed: MissedRuns
  /// Whether its ticks are left out until it is resumed.
  public var isPaused: Bool
  /// The next tick, which lies in the past when no scheduler is there to see it; `nil` when none comes, or it is paused.
  public var next: Date?
  /// When a job was enqueued last.
  public var lastRun: Date?
  /// Why a job could not be enqueued, since it last could.
  public var error: String?

  init(_ entry: ScheduleRecords.Entry, now: Date) {
    let state = entry.state
    name = entry.name
    job = state.job
    queue = state.queue
    recurrence = state.recurrence
    missed = state.missed
    isPaused = state.isPaused
    // A tick that was begun and is not done is still the next.
    let begun = state.run.flatMap { $0.request == nil ? $0.tick : nil }
    next = isPaused ? nil : try? begun ?? state.recurrence.next(after: state.base(now: now)).first
    lastRun = state.lastRun
    error = state.error
  }
}

/// The schedules in a store, for who operates them from any process: what there is, when it runs next, pause, resume, run now.
///
/// A ``Scheduler`` that runs looks once a second for what was asked of it here.
public struct Schedules: Sendable {
  private let records: ScheduleRecords
  private let clock: any BrokerClock

  /// Those in this store.
  public init(_ store: any StateStore, clock: any BrokerClock = SystemClock()) {
    records = ScheduleRecords(store: store)
    self.clock = clock
  }

  /// All that a scheduler has ever run and that its program still has, by name.
  public func all() async throws(BrokerError) -> [ScheduleStatus] {
    let now = clock.now
    return try await records.all().map { ScheduleStatus($0, now: now) }.sorted { $0.name < $1.name }
  }

  /// One, by its name or by the part behind the slash where only one has it.
  ///
  /// - Throws: ``BrokerError/Code/notFound``, and ``BrokerError/Code/invalid`` when several have it.
  public func schedule(_ name: String) async throws(BrokerError) -> ScheduleStatus {
    let all = try await all()
    if let found = all.first(where: { $0.name == name }) { return found }
    let found = all.filter { $0.name.hasSuffix("/\(name)") }
    if found.count > 1 {
      throw BrokerError(
        .invalid,
        "several schedules are called '\(name)': \(found.map(\.name).joined(separator: ", ")); name one in full")
    }
    guard let found = found.first else {
      let names =
        all.isEmpty
        ? "there is none: a `Scheduler` makes it known when it runs" : all.map(\.name).joined(separator: ", ")
      throw BrokerError(.notFound, "there is no schedule '\(name)' in the store (\(names))")
    }
    return found
  }

  /// The next times of a schedule, as many as `count`, whether or not it is paused.
  public func next(_ count: Int, of name: String) async throws(BrokerError) -> [Date] {
    try await schedule(name).recurrence.next(count, after: clock.now)
  }

  /// Leaves out its ticks until ``resume(_:)``. A run that is under way goes on.
  @discardableResult public func pause(_ name: String) async throws(BrokerError) -> ScheduleStatus {
    try await change(name) { state in state.isPaused = true }
  }

  /// Undoes ``pause(_:)``. The ticks since then are left out.
  @discardableResult public func resume(_ name: String) async throws(BrokerError) -> ScheduleStatus {
    let now = clock.now
    return try await change(name) { state in
      if state.isPaused { state.since = now }
      state.isPaused = false
    }
  }

  /// Asks the scheduler to enqueue the job once now, beside its ticks and also while it is paused.
  ///
  /// - Returns: the id of that job.
  /// - Throws: ``BrokerError/Code/invalid`` when a hundred such runs wait already, because no scheduler runs.
  @discardableResult public func run(_ name: String) async throws(BrokerError) -> MessageID {
    let run = ScheduleState.Run(tick: clock.now, request: MessageID.unique().rawValue)
    let status = try await change(name) { state throws(BrokerError) in
      if state.requests.count >= 100 {
        throw BrokerError(.invalid, "100 runs of '\(name)' wait already: start the process whose `Scheduler` has it")
      }
      state.requests.append(run)
    }
    return run.id(of: status.name)
  }

  private func change(
    _ name: String, _ body: (inout ScheduleState) throws(BrokerError) -> Void
  ) async throws(BrokerError) -> ScheduleStatus {
    let full = try await schedule(name).name
    let entry = try await records.change(full) { state throws(BrokerError) in
      var changed = state
      try body(&changed)
      return changed
    }
    guard let entry else {
      throw BrokerError(.notFound, "the schedule '\(full)' is gone: its program no longer has it")
    }
    return ScheduleStatus(entry, now: clock.now)
  }
}
