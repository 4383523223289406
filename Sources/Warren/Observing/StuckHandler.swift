internal import Synchronization

/// Counts one handler as stuck from when it is cancelled, by its timeout, a stop, an operator or the loss of its delivery, until it
/// ends. A handler that listens is counted for a moment only.
final class StuckHandler: Sendable {
  private enum State {
    case runs
    case stuck
    case ended
  }
  private let state = Mutex(State.runs)
  /// Told `true` when it is counted, and `false` when it is counted no more.
  private let count: @Sendable (Bool) -> Void

  init(_ count: @escaping @Sendable (Bool) -> Void) { self.count = count }

  func cancelled() {
    let begins = state.withLock { state in
      guard state == .runs else { return false }
      state = .stuck
      return true
    }
    if begins { count(true) }
  }

  func ended() {
    let ends = state.withLock { state in
      defer { state = .ended }
      return state == .stuck
    }
    if ends { count(false) }
  }
}
