internal import Synchronization
internal import Warren

/// Where calls wait until the broker runs.
final class Gate<Value: Sendable>: Sendable {
  private enum State {
    case waiting(hasBegun: Bool, [Int: CheckedContinuation<Value?, Never>])
    case open(Value)
    case shut(BrokerError)
  }
  private let state = Mutex((phase: State.waiting(hasBegun: false, [:]), lastID: 0))

  /// What is behind the gate, if it is open now.
  var value: Value? { state.withLock { if case .open(let value) = $0.phase { value } else { nil } } }

  /// Notes that `run()` has begun; `false` if it had before.
  func begin() -> Bool {
    state.withLock { state in
      guard case .waiting(false, let waiting) = state.phase else { return false }
      state.phase = .waiting(hasBegun: true, waiting)
      return true
    }
  }

  func open(_ value: Value) { change(to: .open(value), value) }
  func shut(_ error: BrokerError) { change(to: .shut(error), nil) }

  private func change(to phase: State, _ value: Value?) {
    let waiting = state.withLock { state in
      if case .shut = state.phase { return [Int: CheckedContinuation<Value?, Never>]() }
      defer { state.phase = phase }
      if case .waiting(_, let waiting) = state.phase { return waiting }
      return [:]
    }
    for continuation in waiting.values { continuation.resume(returning: value) }
  }

  /// What is behind the gate, once it is open.
  func pass(within patience: Duration) async throws(BrokerError) -> Value {
    if let value { return value }
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    let value = await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await Task.sleep(for: patience)
        self.giveUp(id)
      }
      defer { group.cancelAll() }
      return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isLate = state.withLock { state in
            guard case .waiting(let hasBegun, var waiting) = state.phase, !Task.isCancelled else { return true }
            waiting[id] = continuation
            state.phase = .waiting(hasBegun: hasBegun, waiting)
            return false
          }
          if isLate { continuation.resume(returning: self.value) }
        }
      } onCancel: {
        self.giveUp(id)
      }
    }
    if let value { return value }
    switch state.withLock({ $0.phase }) {
    case .open(let value): return value
    case .shut(let error): throw error
    case .waiting(hasBegun: true, _):
      throw BrokerError(
        .unavailable, "RabbitMQ was not reached within \(patience): check that it runs and that the URL is right")
    case .waiting(hasBegun: false, _):
      throw BrokerError(.notRunning, "the broker does not run: start its run(), or use withBroker")
    }
  }

  private func giveUp(_ id: Int) {
    let continuation = state.withLock { state -> CheckedContinuation<Value?, Never>? in
      guard case .waiting(let hasBegun, var waiting) = state.phase else { return nil }
      let continuation = waiting.removeValue(forKey: id)
      state.phase = .waiting(hasBegun: hasBegun, waiting)
      return continuation
    }
    continuation?.resume(returning: nil)
  }
}
