/// An engine that lets one process of all do something: run the schedules, relay an outbox, walk through dead letters.
///
/// ```swift
/// try await broker.withLock("schedules") {
///   try await runSchedules()
/// }
/// ```
public protocol LockingBroker: Broker {
  /// Runs `body` while this caller holds the lock of this name and no other caller does, in this process or in any other.
  ///
  /// The lock ends with its holder: when `body` returns or throws, and when the process dies, however it dies. When the
  /// engine loses the lock while it is held, because the connection is gone, the task of `body` is cancelled, and another
  /// process may hold it before `body` has noticed: what must not be done twice needs a fence of its own.
  ///
  /// - Parameter wait: how long to wait for another holder; `nil`: as long as it takes.
  /// - Throws: ``BrokerError/Code/unavailable`` when another caller holds the lock for longer than `wait`, or when it was
  ///   lost; and what `body` throws.
  func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result
}

extension LockingBroker {
  /// Waits for the lock as long as it takes: see ``withLock(_:wait:_:)``.
  public func withLock<Result: Sendable>(
    _ name: LockName, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withLock(name, wait: nil, body)
  }
}

extension BrokerError {
  /// The error for a lock that another caller holds.
  public init(heldElsewhere name: LockName) {
    self.init(.unavailable, "the lock '\(name)' is held by another process: wait until it is done, or end it")
  }
}
