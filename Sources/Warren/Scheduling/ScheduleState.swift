internal import Foundation

/// What is known of a schedule, as its record in the store has it.
struct ScheduleState: Sendable, Equatable, Codable {
  /// A run that was begun: it is recorded before the job is enqueued, so that two processes do not enqueue it both, and until
  /// that is done, so that it is not lost.
  struct Run: Sendable, Equatable, Codable {
    /// The tick, or when it was asked for.
    var tick: Date
    /// What tells a run that was asked for from a tick and from others; `nil`: it is that of the tick.
    var request: String?
    /// The process that does it.
    var owner = ""
    /// Since when.
    var since = Date.distantPast

    /// The id of its job: the same whenever it is tried again.
    func id(of schedule: String) -> MessageID {
      MessageID("schedule:\(schedule)@\(request ?? tick.formatted(.iso8601))")
    }
  }
  var job: MessageName
  var queue: QueueName
  var recurrence: Recurrence
  var missed: MissedRuns
  /// No tick up to this time counts: the schedule was new then, changed or resumed.
  var since: Date
  /// The last tick that was run or left out.
  var lastTick: Date?
  /// When a job was enqueued last.
  var lastRun: Date?
  var isPaused = false
  /// Runs that were asked for.
  var requests: [Run] = []
  /// The run that is under way.
  var run: Run?
  /// Why a job could not be enqueued, since it last could.
  var error: String?

  /// A schedule that was never seen before.
  init(_ schedule: Schedule, now: Date) {
    job = schedule.job
    queue = schedule.queue
    recurrence = schedule.recurrence
    missed = schedule.missed
    since = now
  }

  /// The same, as the program defines it now. Ticks of another recurrence count from now on.
  func updated(_ schedule: Schedule, now: Date) -> ScheduleState {
    var state = self
    state.job = schedule.job
    state.queue = schedule.queue
    state.missed = schedule.missed
    if state.recurrence != schedule.recurrence {
      state.recurrence = schedule.recurrence
      state.since = now
    }
    // Written by a clock that was wrong, and to be forgotten: otherwise no tick would come before that time.
    if state.base(now: now) == now, max(state.since, state.lastTick ?? now) > now {
      state.since = now
      state.lastTick = nil
    }
    return state
  }

  /// From when on ticks count. A time that lies in the future was written by a clock that was wrong.
  func base(now: Date) -> Date {
    let base = max(since, lastTick ?? since)
    return base > now.addingTimeInterval(86_400) ? now : base
  }
}
