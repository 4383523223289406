public import ServiceLifecycle
public import Warren

/// Sets the gauge `warren_failure_groups`: how many groups of failures are new, have come back after they were resolved, are
/// resolved or ignored, so that an alert can ask for the first two. A service to run beside the broker, in any number of processes: one
/// of all does it, as ``Warren/BrokerGauges`` has it.
///
/// The dead letters are read only when their number has changed, at most ``Operations/groupingLimit`` of them.
public struct FailureGauges: Service {
  private let operations: Operations
  private let interval: Duration
  private let lock: LockName
  private let clock: any BrokerClock

  /// Looks every `interval`, by the broker's clock.
  ///
  /// - Parameter lock: by which one process of all is found (``Warren/LockingBroker``).
  public init(_ operations: Operations, every interval: Duration = .seconds(60), lock: LockName = "failure-gauges") {
    self.operations = operations
    self.interval = interval
    self.lock = lock
    clock = operations.broker.clock
  }

  /// Looks until it is stopped.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      try await operations.broker.inOneProcess(lock, pause: interval, by: clock) { try await tell() }
    }
  }

  private func tell() async throws {
    var count = FailureCount()
    var gauges = ToldGauges()
    defer { gauges.withdrawOthers() }
    while true {
      if let found = try? await count.look(operations) {
        for (series, number) in found {
          gauges.set(
            "warren_failure_groups", [("queue", series.queue.rawValue), ("state", series.state.rawValue)],
            Double(number))
        }
        gauges.withdrawOthers()
      }
      try await clock.sleep(for: interval)
    }
  }
}

extension FailureGauges: CustomStringConvertible, CustomReflectable {
  /// `failure gauges every 1 min`.
  public var description: String { "failure gauges every \(interval.words)" }
  /// Its interval.
  public var customMirror: Mirror { Mirror(self, children: ["interval": interval]) }
}

/// Counts groups of failures from look to look.
struct FailureCount {
  /// A number that is told.
  struct Series: Hashable {
    /// The queue that gave up.
    var queue: QueueName
    var state: DeadLetterGroup.State
  }
  private struct Seen: Equatable {
    var ready: Int
    var deadLettered: Int?
  }
  private var seen: [QueueName: Seen] = [:]
  private var groups: [DeadLetterGroup] = []
  private var looks = 0
  /// What was told once is told as 0 when it is gone.
  private var told: Set<Series> = []
  /// An engine without totals does not show that one went as another came.
  private static let thoroughly = 10

  mutating func look(_ operations: Operations) async throws(BrokerError) -> [Series: Int] {
    let queues = try await operations.queues()
    let now = Dictionary(
      queues.map { ($0.name, Seen(ready: $0.holdsDeadLetters ? $0.ready : 0, deadLettered: $0.totals?.deadLettered)) }
    ) { $1 }
    if now != seen || looks % Self.thoroughly == 0 {
      groups = try await operations.groups(DeadLetterSelection(limit: .max)).groups
      seen = now
    } else {
      groups = try await operations.marked(groups)
    }
    looks += 1
    var counts = Dictionary(told.map { ($0, 0) }) { $1 }
    // Where no store keeps what people say, each is as new as on the first day.
    for group in groups { counts[Series(queue: group.origin, state: group.state ?? .new), default: 0] += 1 }
    told.formUnion(counts.keys)
    return counts
  }
}
