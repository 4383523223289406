internal import Synchronization

/// The steps that a handler has begun for one delivery, by name and in order. An inbox keeps them apart by it.
package final class HandlerSteps: Sendable {
  private struct State {
    var running: Set<String> = []
    var count = 0
  }
  private let state = Mutex(State())

  package init() {}

  /// Begins a step. Returns which it is, from 1; `nil` when this delivery has had a step of this name.
  package func begin(_ name: String) -> Int? {
    state.withLock { state in
      guard state.running.insert(name).inserted else { return nil }
      state.count += 1
      return state.count
    }
  }

  /// Forgets a step that failed, so that the handler may try it again. Only the last one can be forgotten.
  package func undo(_ name: String, _ position: Int) {
    state.withLock { state in
      guard state.count == position else { return }
      state.count -= 1
      state.running.remove(name)
    }
  }
}
