internal import Foundation
internal import Synchronization

/// Lets a suspect run alone in its worker, so that when the process dies it is clear which message did it.
///
/// Any number of ordinary deliveries are inside at once; a suspect comes in when no other is inside, and while one
/// waits no other delivery begins, up to the suspect's patience.
final class SuspectGate: Sendable {
  private struct State {
    var inside = 0
    var isTaken = false
    var suspects: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    var others: [CheckedContinuation<Void, Never>] = []
    var lastID = 0

    /// Those who may come in now.
    mutating func admit() -> (suspect: CheckedContinuation<Bool, Never>?, others: [CheckedContinuation<Void, Never>]) {
      if isTaken { return (nil, []) }
      if !suspects.isEmpty {
        guard inside == 0 else { return (nil, []) }
        isTaken = true
        return (suspects.removeFirst().continuation, [])
      }
      inside += others.count
      defer { others = [] }
      return (nil, others)
    }
  }
  private let state = Mutex(State())

  /// Runs `body` among others.
  func among<Result>(_ body: () async -> Result) async -> Result {
    let isIn = state.withLock { state in
      guard !state.isTaken, state.suspects.isEmpty else { return false }
      state.inside += 1
      return true
    }
    if !isIn {
      await withCheckedContinuation { continuation in
        change { $0.others.append(continuation) }
      }
    }
    defer { change { $0.inside -= 1 } }
    return await body()
  }

  /// Runs `body` alone; `nil` when the others have not left within `patience`.
  func alone<Result>(patience: Duration, clock: any BrokerClock, _ body: () async -> Result) async -> Result? {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    let isIn = await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await clock.sleep(until: clock.now.addingTimeInterval(patience.seconds))
        self.giveUp(id)
      }
      defer { group.cancelAll() }
      return await withCheckedContinuation { continuation in
        change { $0.suspects.append((id, continuation)) }
      }
    }
    guard isIn else { return nil }
    defer { change { $0.isTaken = false } }
    return await body()
  }

  private func giveUp(_ id: Int) {
    var waiting: CheckedContinuation<Bool, Never>?
    change { state in
      guard let index = state.suspects.firstIndex(where: { $0.id == id }) else { return }
      waiting = state.suspects.remove(at: index).continuation
    }
    waiting?.resume(returning: false)
  }

  private func change(_ body: (inout State) -> Void) {
    let (suspect, others) = state.withLock { state in
      body(&state)
      return state.admit()
    }
    suspect?.resume(returning: true)
    for continuation in others { continuation.resume() }
  }
}
