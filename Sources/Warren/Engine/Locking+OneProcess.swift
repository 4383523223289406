extension Broker {
  /// Runs `body` in one process of all at a time, until it ends: another follows when that process dies, stops or loses the lock.
  ///
  /// Where the engine has no locks, or this user may take none, it runs in each.
  ///
  /// - Parameter pause: how long to wait before the next try after the broker was away.
  package func inOneProcess(
    _ lock: LockName, pause: Duration, by clock: any BrokerClock, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    guard let broker = self as? any LockingBroker else { return try await body() }
    while true {
      do { return try await broker.withLock(lock, body) } catch {
        try Task.checkCancellation()
        guard let error = error as? BrokerError, error.isRetryable || error.code == .stopped else {
          return try await body()
        }
      }
      try await clock.sleep(for: pause)
    }
  }
}
