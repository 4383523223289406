internal import Synchronization

/// Which of the numbered messages have been handled, and how often.
package final class Handled: Sendable {
  private struct State {
    var seen: [Bool] = []
    var distinct = 0
    var repeats = 0
  }
  private let state = Mutex(State())
  private let gate: Gate

  /// `expected`: how many distinct ones ``all()`` waits for, numbered from zero on; `nil` for as many as come.
  package init(_ expected: Int?) {
    gate = Gate(expected ?? .max)
    // All at once, so that what is measured does not grow by this.
    if let expected { state.withLock { $0.seen = Array(repeating: false, count: expected) } }
  }

  /// Whether it is the first time.
  package func note(_ number: Int) {
    let isNew = state.withLock { state in
      if number >= state.seen.count {
        state.seen += repeatElement(false, count: max(number - state.seen.count + 1, state.seen.count))
      }
      if state.seen[number] {
        state.repeats += 1
        return false
      }
      state.seen[number] = true
      state.distinct += 1
      return true
    }
    if isNew { gate.count() }
  }

  package var distinct: Int { state.withLock { $0.distinct } }
  package var repeats: Int { state.withLock { $0.repeats } }
  package var numbers: [Int] { state.withLock { state in state.seen.indices.filter { state.seen[$0] } } }

  package func all() async { await gate.wait() }
}
