internal import Synchronization

/// Tells all parts of a worker to stop, once: because it was asked to, or because one of them cannot go on.
final class StopSignal: Sendable {
  private struct State {
    var isSet = false
    var actions: [Int: @Sendable () -> Void] = [:]
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastID = 0

    mutating func newID() -> Int {
      lastID += 1
      return lastID
    }
  }
  private let state = Mutex(State())

  var isSet: Bool { state.withLock { $0.isSet } }

  func set() {
    let (actions, waiting) = state.withLock { state in
      state.isSet = true
      defer { (state.actions, state.waiting) = ([:], [:]) }
      return (state.actions.values, state.waiting.values)
    }
    for action in actions { action() }
    for continuation in waiting { continuation.resume() }
  }

  /// Runs `body`, and `action` when the signal is set before `body` has ended.
  func onSet<Result, Failure: Error>(
    _ action: @escaping @Sendable () -> Void, _ body: () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let id: Int? = state.withLock { state in
      if state.isSet { return nil }
      let id = state.newID()
      state.actions[id] = action
      return id
    }
    if id == nil { action() }
    defer { if let id { state.withLock { _ = $0.actions.removeValue(forKey: id) } } }
    return try await body()
  }

  /// Returns when the signal is set, or the task is cancelled.
  func wait() async {
    let id = state.withLock { $0.newID() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isSet || Task.isCancelled { return true }
          state.waiting[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
  }

  /// Sleeps, unless the signal is set before.
  func sleep(for time: Duration, by clock: any BrokerClock) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await clock.sleep(until: clock.now.adding(time)) }
      group.addTask { await self.wait() }
      await group.next()
      group.cancelAll()
    }
  }
}
