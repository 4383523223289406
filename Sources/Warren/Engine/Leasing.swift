/// An engine that takes a delivery away from a worker that holds it too long, even one that is alive.
public protocol LeasingBroker: Broker {
  /// How long a delivery of this queue may be held before the engine gives it to another worker; `nil`: for ever. A worker
  /// asks before it consumes, and does not begin when that is shorter than what it may need.
  ///
  /// - Parameter wanted: how long this worker may hold one. The engine grants it where it can.
  func lease(of queue: QueueName, wanted: Duration) async throws(BrokerError) -> Lease?
}

/// How long a delivery may be held, and who says so.
public struct Lease: Sendable, Equatable {
  /// How long.
  public var duration: Duration
  /// Who says so, such as `the policy 'slow' (consumer-timeout)`.
  public var source: String
  /// How to get a longer one.
  public var fix: String

  /// A lease; engines make them.
  public init(_ duration: Duration, source: String, fix: String) {
    self.duration = duration
    self.source = source
    self.fix = fix
  }
}
