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
    var sleepers: [Int: (until: Date, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var lastSleeper = 0

    mutating func wake() -> [CheckedContinuation<Void, any Error>] {
      let due = sleepers.filter { $0.value.until <= now }
      for id in due.keys { sleepers[id] = nil }
      return due.values.sorted { $0.until < $1.until }.map(\.continuation)
    }
  }
  private let state: Mutex<State>

  /// A clock that shows `now`.
  public init(now: Date = Date(timeIntervalSince1970: 1_800_000_000)) { state = Mutex(State(now: now)) }

  /// What it shows.
  public var now: Date { state.withLock { $0.now } }

  /// How many tasks sleep by it.
  public var sleepers: Int { state.withLock { $0.sleepers.count } }

  /// When the first of the tasks that sleep by it wakes up; `nil` when none sleeps.
  public var nextWake: Date? { state.withLock { $0.sleepers.values.map(\.until).min() } }

  /// Turns it on, or, with a negative duration, back; those whose time has come wake up.
  public func advance(by duration: Duration) {
    let (seconds, attoseconds) = duration.components
    turn { $0 += Double(seconds) + Double(attoseconds) * 1e-18 }
  }

  /// Turns it on to `time`, unless it shows that or more; those whose time has come wake up.
  public func advance(to time: Date) { turn { $0 = max($0, time) } }

  private func turn(_ change: (inout Date) -> Void) {
    let woken = state.withLock { state in
      change(&state.now)
      return state.wake()
    }
    for continuation in woken { continuation.resume() }
  }

  /// Sleeps until a test has turned the clock to `time`.
  public func sleep(until time: Date) async throws {
    let id = state.withLock { state in
      state.lastSleeper += 1
      return state.lastSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let answer: Result<Void, any Error>? = state.withLock { state in
          if Task.isCancelled { return .failure(CancellationError()) }
          if time <= state.now { return .success(()) }
          state.sleepers[id] = (time, continuation)
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
