internal import Metrics
internal import Synchronization

/// Counts one handler as stuck from when it is cancelled, by its timeout, a stop, an operator or the loss of its delivery, until it
/// ends. A handler that listens is counted for a moment only.
final class StuckHandler: Sendable {
  private enum State {
    case runs
    case stuck(Meter)
    case ended
  }
  private let state = Mutex(State.runs)
  private let makeMeter: @Sendable () -> Meter

  /// - Parameter makeMeter: makes the meter that counts it; called only if the handler is cancelled.
  init(_ makeMeter: @escaping @Sendable () -> Meter) { self.makeMeter = makeMeter }

  func cancelled() {
    let meter = state.withLock { state -> Meter? in
      guard case .runs = state else { return nil }
      let meter = makeMeter()
      state = .stuck(meter)
      return meter
    }
    meter?.increment()
  }

  func ended() {
    let meter = state.withLock { state -> Meter? in
      defer { state = .ended }
      if case .stuck(let meter) = state { return meter } else { return nil }
    }
    meter?.decrement()
  }
}
