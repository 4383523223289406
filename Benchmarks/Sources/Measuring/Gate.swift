internal import Synchronization

/// Opens when it has been counted down.
package final class Gate: Sendable {
  private struct State {
    var seen = 0
    var waiting: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())
  private let total: Int

  package init(_ total: Int) { self.total = total }

  package var seen: Int { state.withLock { $0.seen } }

  package func count() {
    let waiting = state.withLock { state in
      state.seen += 1
      return state.seen == total ? state.waiting.take() : nil
    }
    waiting?.resume()
  }

  package func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if state.seen >= total { return true }
        state.waiting = continuation
        return false
      }
      if isOpen { continuation.resume() }
    }
  }
}
