internal import Foundation
internal import Synchronization

/// Tells all parts of a worker to stop, once: because it was asked to, or because one of them cannot go on.
final class StopSignal: Sendable {
  private let flag = Watched(false)
  private let actions = Mutex((running: [Int: @Sendable () -> Void](), lastID: 0))

  var isSet: Bool { flag.value }

  func set() {
    flag.withValue { $0 = true }
    let taken = actions.withLock { actions in
      defer { actions.running = [:] }
      return actions.running.values
    }
    for action in taken { action() }
  }

  /// Runs `body`, and `action` when the signal is set before `body` has ended.
  func onSet<Result, Failure: Error>(
    _ action: @escaping @Sendable () -> Void, _ body: () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let id = actions.withLock { actions in
      actions.lastID += 1
      actions.running[actions.lastID] = action
      return actions.lastID
    }
    // Set before, or meanwhile: then the action is there for one of the two to take.
    if isSet { actions.withLock { $0.running.removeValue(forKey: id) }?() }
    defer { actions.withLock { _ = $0.running.removeValue(forKey: id) } }
    return try await body()
  }

  /// Runs `body`, which is cancelled when the signal is set.
  ///
  /// - Throws: what `body` throws, also when that is because it was cancelled.
  func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await body() }
      group.addTask { await self.wait() }
      try await group.next()
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  /// Returns when the signal is set, or the task is cancelled.
  func wait() async { await flag.wait { $0 } }

  /// Sleeps, unless the signal is set before.
  func sleep(for time: Duration, by clock: any BrokerClock) async {
    await sleep(untilElapsed: clock.elapsed + time.bounded, by: clock)
  }

  /// Sleeps until so much time has passed, unless the signal is set before.
  func sleep(untilElapsed end: Duration, by clock: any BrokerClock) async {
    // It throws only when it is cancelled, because the signal came first.
    try? await run { try await clock.sleep(untilElapsed: end) }
  }
}
