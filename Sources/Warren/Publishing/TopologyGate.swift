internal import Synchronization

/// Applies a topology before a bus publishes its first message, once for all that are published meanwhile.
final class TopologyGate: Sendable {
  private enum State {
    case closed
    case opening(Task<Void, any Error>)
    case open
  }
  private let broker: any Broker
  private let topology: Topology
  private let state = Mutex(State.closed)

  init(_ broker: any Broker, _ topology: Topology) {
    self.broker = broker
    self.topology = topology
  }

  /// Returns when the topology is applied. When that fails, the next caller tries again.
  func pass() async throws(BrokerError) {
    // A task of its own: the caller that begins may be cancelled, and the others wait for the same.
    let opening = state.withLock { state -> Task<Void, any Error>? in
      switch state {
      case .open: return nil
      case .opening(let task): return task
      case .closed:
        let task = Task { try await apply() }
        state = .opening(task)
        return task
      }
    }
    do {
      try await opening?.value
    } catch let error as BrokerError {
      throw error
    } catch {
      throw BrokerError(.unavailable, "the topology could not be applied: \(error)", underlying: error)
    }
  }

  private func apply() async throws {
    do {
      try await broker.apply(topology)
      state.withLock { $0 = .open }
    } catch {
      state.withLock { $0 = .closed }
      throw error
    }
  }
}
