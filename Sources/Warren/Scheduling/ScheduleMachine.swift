internal import Foundation

/// Decides what is to be done for one schedule: pure, without a store, a broker or a clock.
struct ScheduleMachine {
  enum Step: Equatable {
    /// Nothing to do before this time; `nil`: before something changes in the store.
    case wait(until: Date?)
    /// Write this. Where it has a run, it is this process's then, and its job is to be enqueued.
    case write(ScheduleState)
    /// Enqueue the job of this run, which is this process's already.
    case enqueue(ScheduleState.Run)
  }
  let ticks: Ticks
  let missed: MissedRuns
  /// What names this process.
  let owner: String
  /// How late a tick may be seen and is not missed.
  var grace: Duration = .seconds(60)
  /// After how long a run that another process has begun is done by this one. That other process has lost the lock and is gone,
  /// or it is about to notice that.
  var patience: Duration = .seconds(10)

  func step(_ state: ScheduleState, now: Date) -> Step {
    if let run = state.run {
      if run.owner == owner { return .enqueue(run) }
      let end = run.since.adding(patience)
      // What lies in the future was written by a clock that is not right.
      if now < end, run.since <= now.adding(patience) { return .wait(until: end) }
      return .write(begin(run, state, now))
    }
    if let request = state.requests.first {
      var state = state
      state.requests.removeFirst()
      return .write(begin(request, state, now))
    }
    if state.isPaused { return .wait(until: nil) }
    let base = state.base(now: now)
    guard let next = ticks.next(after: base) else { return .wait(until: nil) }
    if next > now { return .wait(until: next) }
    return .write(due(state, after: base, now))
  }

  private func due(_ state: ScheduleState, after base: Date, _ now: Date) -> ScheduleState {
    var limit = 1
    if case .all(let most) = missed { limit = most }
    guard let tick = ticks.last(limit, after: base, through: now).first else { return state }
    if missed == .skip, now > tick.adding(grace) {
      var state = state
      state.lastTick = tick
      return state
    }
    return begin(ScheduleState.Run(tick: tick), state, now)
  }

  private func begin(_ run: ScheduleState.Run, _ state: ScheduleState, _ now: Date) -> ScheduleState {
    var state = state
    state.run = run
    state.run?.owner = owner
    state.run?.since = now
    return state
  }

  /// What is known when the job of this run was enqueued; `nil` when another process has noted that already.
  func done(_ run: ScheduleState.Run, _ state: ScheduleState, now: Date) -> ScheduleState? {
    guard state.run == run else { return nil }
    var state = state
    state.run = nil
    state.lastRun = now
    state.error = nil
    if run.request == nil { state.lastTick = run.tick }
    return state
  }
}
