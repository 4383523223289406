public import Foundation
internal import Synchronization
public import Warren

/// A clock that stands still until a test turns it.
///
/// ```swift
/// let broker = try TestBroker()
/// try await bus.enqueue(SendEmail(to: "a@b.c"), after: .seconds(3600))
/// broker.advance(by: .seconds(3600))
/// ```
public final class VirtualClock: BrokerClock {
  private struct State {
    var now: Date
    /// The time that has passed, by which those sleep that sleep for a while.
    var elapsed = Duration.zero
    var sleepers: [Int: (until: Wake, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var lastSleeper = 0

    mutating func wake() -> [CheckedContinuation<Void, any Error>] {
      let due = sleepers.filter { isOver($0.value.until) }
      for id in due.keys { sleepers[id] = nil }
      return due.values.sorted { time(of: $0.until) < time(of: $1.until) }.map(\.continuation)
    }

    func isOver(_ wake: Wake) -> Bool {
      switch wake {
      case .time(let time): time <= now
      case .elapsed(let end): end <= elapsed
      }
    }

    /// The time of day, as far as it is not set meanwhile.
    func time(of wake: Wake) -> Date {
      switch wake {
      case .time(let time): time
      case .elapsed(let end): now.adding(end - elapsed)
      }
    }
  }
  private enum Wake {
    case time(Date)
    case elapsed(Duration)
  }
  private let state: Mutex<State>

  /// A clock that shows `now`.
  public init(now: Date = Date(timeIntervalSince1970: 1_800_000_000)) { state = Mutex(State(now: now)) }

  /// What it shows.
  public var now: Date { state.withLock { $0.now } }

  /// How many tasks sleep by it.
  public var sleepers: Int { state.withLock { $0.sleepers.count } }

  /// When the first of the tasks that sleep by it wakes up; `nil` when none sleeps.
  public var nextWake: Date? {
    state.withLock { state in state.sleepers.values.map { state.time(of: $0.until) }.min() }
  }

  /// How much time has passed, which ``jump(by:)`` does not change.
  public var elapsed: Duration { state.withLock { $0.elapsed } }

  /// Lets time pass, or, with a negative duration, sets the clock back; those whose time has come wake up.
  public func advance(by duration: Duration) {
    turn { state in
      state.now += duration.seconds
      state.elapsed += max(.zero, duration.bounded)
    }
  }

  /// Lets time pass until it shows `time`, unless it shows that or more; those whose time has come wake up.
  public func advance(to time: Date) {
    turn { state in
      let passed = state.elapsed + .seconds(max(0, time.timeIntervalSince(state.now)))
      state.now = max(state.now, time)
      // A `Date` is exact to a quarter of a microsecond only. Those that sleep until the same moment by what has passed wake up, too.
      let meant = state.sleepers.values.compactMap { sleeper -> Duration? in
        guard case .elapsed(let end) = sleeper.until, end - passed <= .microseconds(10) else { return nil }
        return end
      }
      state.elapsed = max(passed, meant.max() ?? passed)
    }
  }

  /// Sets the clock forward or back without that any time passes, as an administrator does, or a machine that asks another for
  /// the time. Those that wait for a time that has come wake up, those that sleep for a while sleep on.
  public func jump(by duration: Duration) { turn { $0.now += duration.seconds } }

  private func turn(_ change: (inout State) -> Void) {
    let woken = state.withLock { state in
      change(&state)
      return state.wake()
    }
    for continuation in woken { continuation.resume() }
  }

  /// Sleeps until a test has turned the clock to `time`.
  public func sleep(until time: Date) async throws { try await sleep(.time(time)) }

  /// Sleeps until a test has let so much time pass.
  public func sleep(untilElapsed end: Duration) async throws { try await sleep(.elapsed(end)) }

  private func sleep(_ wake: Wake) async throws {
    let id = state.withLock { state in
      state.lastSleeper += 1
      return state.lastSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let answer: Result<Void, any Error>? = state.withLock { state in
          if Task.isCancelled { return .failure(CancellationError()) }
          if state.isOver(wake) { return .success(()) }
          state.sleepers[id] = (wake, continuation)
          return nil
        }
        if let answer { continuation.resume(with: answer) }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}
