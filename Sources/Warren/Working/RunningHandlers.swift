internal import Foundation
internal import Synchronization

/// What a worker handles at the moment, so that a stop that takes too long can say what it waits for.
final class RunningHandlers: Sendable {
  private let state = Mutex((running: [Int: RunningDelivery](), lastID: 0))

  /// Runs `body` as the handling of this delivery.
  func run<Result>(_ delivery: RunningDelivery, _ body: () async -> Result) async -> Result {
    let id = state.withLock { state in
      state.lastID += 1
      state.running[state.lastID] = delivery
      return state.lastID
    }
    defer { state.withLock { _ = $0.running.removeValue(forKey: id) } }
    return await body()
  }

  /// Those that run, the longest first.
  var all: [RunningDelivery] { state.withLock { $0.running.values.sorted { $0.since < $1.since } } }
}
