internal import Synchronization

/// A value under a lock, and the tasks that wait until it fulfils a condition.
package final class Watched<Value: Sendable>: Sendable {
  private struct Waiter {
    let id: Int
    let condition: @Sendable (Value) -> Bool
    let continuation: CheckedContinuation<Void, Never>
  }
  private struct State {
    var value: Value
    var waiters: [Waiter] = []
    var lastID = 0
  }
  private let state: Mutex<State>

  package init(_ value: Value) { state = Mutex(State(value: value)) }

  /// The value at this moment.
  package var value: Value { state.withLock { $0.value } }

  /// Reads or changes the value; the tasks whose condition holds then go on.
  @discardableResult
  package func withValue<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
    let (result, ready) = state.withLock { state in
      let result = body(&state.value)
      if state.waiters.isEmpty { return (result, [CheckedContinuation<Void, Never>]()) }
      var ready: [CheckedContinuation<Void, Never>] = []
      let value = state.value
      state.waiters.removeAll { waiter in
        guard waiter.condition(value) else { return false }
        ready.append(waiter.continuation)
        return true
      }
      return (result, ready)
    }
    for continuation in ready { continuation.resume() }
    return result
  }

  /// Returns when the condition holds, or when the task is cancelled.
  package func wait(until condition: @escaping @Sendable (Value) -> Bool) async {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goesOn = state.withLock { state in
          if Task.isCancelled || condition(state.value) { return true }
          state.waiters.append(Waiter(id: id, condition: condition, continuation: continuation))
          return false
        }
        if goesOn { continuation.resume() }
      }
    } onCancel: {
      let continuation = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
      }
      continuation?.resume()
    }
  }
}
