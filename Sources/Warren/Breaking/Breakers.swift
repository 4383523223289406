public import Foundation

/// A circuit breaker that is open, as an operator sees it.
public struct BreakerStatus: Sendable, Equatable, Codable {
  /// What it keeps away from.
  public var dependency: DependencyName
  /// The worker that has opened it. Each opens its own.
  public var worker: String
  /// The host and the process id of that worker.
  public var process: String
  /// The queues that the worker leaves alone.
  public var queues: [QueueName]
  /// When it was opened.
  public var since: Date
  /// When the next message tries; when that lies in the past, the next one that comes does.
  public var until: Date
  /// The error that opened it.
  public var error: String

  init(_ record: BreakerRecord) {
    dependency = record.dependency
    worker = record.worker
    process = record.process
    queues = record.queues
    since = record.since
    until = record.until
    error = record.error
  }

  /// What an operator should know about it: a finding for each of its queues.
  public func findings(now: Date) -> [Finding] {
    let age = Duration.clamped(seconds: max(0, now.timeIntervalSince(since)).rounded()).words
    return queues.map { queue in
      Finding(
        .warning, queue: queue,
        "\(queue): the breaker '\(dependency)' of the worker '\(worker)' has been open for \(age), and its messages wait: \(error)",
        fix: Fix(
          .resetBreaker, queue: queue, dependency: dependency,
          text: "bring '\(dependency)' back; the breaker tries by itself, or at once when it is reset"))
    }
  }
}

/// The circuit breakers that are open, for who operates them from any process that reaches the store of the workers.
///
/// ```swift
/// let breakers = Breakers(broker)
/// for breaker in try await breakers.all() { print(breaker.dependency, breaker.error) }
/// try await breakers.reset("mail-server")
/// ```
public struct Breakers: Sendable {
  private let store: any StateStore
  private let clock: any BrokerClock

  /// Those in this store.
  public init(_ store: any StateStore, clock: any BrokerClock = SystemClock()) {
    self.store = store
    self.clock = clock
  }

  /// All that are open, by dependency. That of a process that died is shown for a minute more than its pause.
  public func all() async throws(BrokerError) -> [BreakerStatus] {
    try await BreakerRecord.all(in: store).map { BreakerStatus($0.1) }
      .sorted { ($0.dependency, $0.worker, $0.process) < ($1.dependency, $1.worker, $1.process) }
  }

  /// Asks the workers to close their breakers of this dependency now. They look once a second.
  ///
  /// - Returns: how many were asked.
  /// - Throws: ``BrokerError/Code/notFound`` when none is open.
  @discardableResult public func reset(_ dependency: DependencyName) async throws(BrokerError) -> Int {
    var count = 0
    var others: Set<DependencyName> = []
    for (stored, record) in try await BreakerRecord.all(in: store) {
      guard record.dependency == dependency else {
        others.insert(record.dependency)
        continue
      }
      // One that is closed meanwhile has no record any more.
      let change = try await store.change(record.stored(at: stored.key), until: { $0.expiry(now: clock.now) }) {
        found in
        found?.isReset = true
      }
      if change.record != nil { count += 1 }
    }
    if count > 0 { return count }
    let open = others.isEmpty ? "none is" : "open are: \(others.sorted().map(\.rawValue).joined(separator: ", "))"
    throw BrokerError(.notFound, "no breaker of '\(dependency)' is open in the store (\(open))")
  }
}
