internal import Foundation
internal import Synchronization

/// Lets a suspect run alone in its worker, so that when the process dies it is clear which message did it. A thin shell over
/// ``SuspectGateMachine``.
final class SuspectGate: Sendable {
  private struct State {
    var machine: SuspectGateMachine
    var waiting: [Int: CheckedContinuation<SuspectGateMachine.Admission, Never>] = [:]
    /// What was decided about one before it had begun to wait.
    var early: [Int: SuspectGateMachine.Admission] = [:]
    var lastID = 0
  }
  private let state: Mutex<State>
  private let clock: any BrokerClock

  init(patience: Duration, clock: any BrokerClock) {
    state = Mutex(State(machine: SuspectGateMachine(patience: patience)))
    self.clock = clock
  }

  enum Outcome<Result> {
    case done(Result)
    /// It did not come in: the worker stops, or it is a suspect whose turn comes after this time.
    case refused(until: Date)
  }

  /// Runs `body` among others or, for a suspect, alone.
  ///
  /// - Parameter overstays: called when a suspect runs for so long that others are let in beside it.
  func run<Result: Sendable>(
    isSuspect: Bool, overstays: @escaping @Sendable () -> Void = {}, _ body: () async -> Result
  ) async -> Outcome<Result> {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    guard isSuspect else { return await enter(id, isSuspect: false, body) }
    // Each has a timer of its own: that of any of them opens the gate.
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.watch(id, overstays) }
      defer { group.cancelAll() }
      return await enter(id, isSuspect: true, body)
    }
  }

  /// Whether a suspect waits or runs, and the others wait for it.
  var isClosed: Bool { state.withLock { $0.machine.expiry != nil } }

  /// Refuses all that wait: the worker stops.
  func stop() { tell { $0.stop(now: now) } }

  /// The machine's time: what has passed, so that a clock that is set back or forward holds up neither suspects nor others.
  private var now: Date { Date(timeIntervalSince1970: clock.elapsed.seconds) }

  private func enter<Result>(_ id: Int, isSuspect: Bool, _ body: () async -> Result) async -> Outcome<Result> {
    // Nearly all come in at once, and need no continuation.
    var admission = state.withLock { $0.machine.enter(id, isSuspect: isSuspect, now: now) }
    if admission == .waits {
      admission = await withCheckedContinuation { continuation in
        let early = state.withLock { state in
          let early = state.early.removeValue(forKey: id)
          if early == nil { state.waiting[id] = continuation }
          return early
        }
        if let early { continuation.resume(returning: early) }
      }
    }
    if case .refused(let time) = admission {
      return .refused(until: clock.now.adding(.clamped(seconds: time.timeIntervalSince(now))))
    }
    let result = await body()
    tell { $0.leave(id, isSuspect: isSuspect, now: now) }
    return .done(result)
  }

  private func watch(_ id: Int, _ overstays: @Sendable () -> Void) async {
    while !Task.isCancelled {
      // The suspect may not have come to the gate yet.
      let (expiry, patience) = state.withLock { ($0.machine.expiry, $0.machine.patience) }
      let end = (expiry ?? now.adding(patience)).timeIntervalSince1970
      guard (try? await clock.sleep(untilElapsed: .clamped(seconds: end))) != nil else { return }
      tell { $0.expire(now: now) }
      if state.withLock({ $0.machine.overstaying.contains(id) }) { return overstays() }
    }
  }

  private func tell(_ change: (inout SuspectGateMachine) -> SuspectGateMachine.Told) {
    typealias Resumed = (CheckedContinuation<SuspectGateMachine.Admission, Never>, SuspectGateMachine.Admission)
    let resumed: [Resumed] = state.withLock { state in
      change(&state.machine).compactMap { id, admission in
        if let continuation = state.waiting.removeValue(forKey: id) { return (continuation, admission) }
        state.early[id] = admission
        return nil
      }
    }
    for (continuation, admission) in resumed { continuation.resume(returning: admission) }
  }
}
