public import Foundation
internal import Synchronization
public import Warren

/// A clock that stands still until a test turns it.
public final class VirtualClock: BrokerClock {
  private struct State {
    var now: Date
    var sleepers: [Int: (until: Date, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var lastSleeper = 0
  }
  private let state: Mutex<State>

  /// A clock that shows `now`.
  public init(now: Date = Date(timeIntervalSince1970: 1_800_000_000)) { state = Mutex(State(now: now)) }

  /// What it shows.
  public var now: Date { state.withLock { $0.now } }

  /// Turns it on, or, with a negative duration, back; those whose time has come wake up.
  public func advance(by duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let woken = state.withLock { state in
      state.now += Double(seconds) + Double(attoseconds) * 1e-18
      let due = state.sleepers.filter { $0.value.until <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.values.sorted { $0.until < $1.until }.map(\.continuation)
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
