internal import Warren

/// Hands elements from one task to another, one at a time: the giver waits until the last one was taken.
final class Handoff<Element: Sendable>: Sendable {
  private struct State {
    var element: Element?
    var isFinished = false
    var isRefused = false
  }
  private let state = Watched(State())

  /// Gives one. `false` when no more is wanted.
  func give(_ element: Element) async -> Bool {
    await state.wait { $0.element == nil || $0.isRefused }
    if Task.isCancelled { return false }
    return state.withValue { state in
      if !state.isRefused { state.element = element }
      return !state.isRefused
    }
  }
  /// No more is given.
  func finish() { state.withValue { $0.isFinished = true } }

  /// The next one; `nil` at the end.
  func take() async -> Element? {
    await state.wait { $0.element != nil || $0.isFinished }
    return state.withValue { state in
      defer { state.element = nil }
      return state.element
    }
  }
  /// No more is wanted.
  func refuse() { state.withValue { $0.isRefused = true } }
}
