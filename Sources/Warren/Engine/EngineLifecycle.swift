/// Whether an engine runs, what it runs on, and the calls that wait for it to begin.
///
/// An engine runs once: ``begin()``, then ``open(_:)`` when calls can be served, then ``end(_:)``.
package final class EngineLifecycle<Value: Sendable>: Sendable {
  private enum Phase: Sendable {
    case idle
    /// It runs, and is not ready yet.
    case starting
    case running(Value)
    case stopped(BrokerError)
  }
  private let phase = Watched(Phase.idle)

  /// One that has not begun.
  package init() {}

  /// What the engine runs on, while it runs.
  package var value: Value? { if case .running(let value) = phase.value { value } else { nil } }

  /// The error for what is asked of an engine that was stopped.
  package static var stopped: BrokerError { BrokerError(.stopped, "the broker was stopped: make a new one") }

  /// Notes that `run()` has begun.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when it runs already, and what ended it when it has ended.
  package func begin() throws(BrokerError) {
    let error = phase.withValue { phase -> BrokerError? in
      switch phase {
      case .idle:
        phase = .starting
        return nil
      case .starting, .running: return BrokerError(.invalid, "the broker runs already: call run() once")
      case .stopped(let error): return error
      }
    }
    if let error { throw error }
  }

  /// Serves the calls that wait, and all that come.
  package func open(_ value: Value) { change(to: .running(value)) }

  /// Fails the calls that wait, and all that come.
  package func end(_ error: BrokerError = EngineLifecycle.stopped) { change(to: .stopped(error)) }

  private func change(to new: Phase) {
    phase.withValue { phase in if case .stopped = phase { return } else { phase = new } }
  }

  /// What the engine runs on, once it runs.
  ///
  /// - Parameter away: what is wrong when it has begun and is not ready by the deadline.
  /// - Throws: ``BrokerError/Code/notRunning`` when it has not begun by the deadline, and what ended it.
  package func waitUntilRunning(
    for deadline: Duration, by clock: any BrokerClock, away: @autoclosure () -> String = "the broker is not ready yet"
  ) async throws(BrokerError) -> Value {
    if let value { return value }
    let end = clock.elapsed + deadline.bounded
    let phase = phase
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await phase.wait {
          switch $0 {
          case .running, .stopped: true
          case .idle, .starting: false
          }
        }
      }
      // It throws only when it is cancelled, because the other came first.
      group.addTask { try? await clock.sleep(untilElapsed: end) }
      await group.next()
      group.cancelAll()
    }
    switch phase.value {
    case .running(let value): return value
    case .stopped(let error): throw error
    case .starting: throw BrokerError(.unavailable, away())
    case .idle:
      throw BrokerError(
        .notRunning,
        "the broker is not running: add it to the ServiceGroup, or use `withBroker`; nothing was stored")
    }
  }
}
