internal import Foundation
internal import Metrics
public import ServiceLifecycle

/// Sets the gauges of a broker every so often: a service to run beside it, in each process.
///
/// Each process tells by `warren_connection_up` whether it reaches the broker. The gauges of queues, `warren_queue_depth`,
/// `warren_queue_oldest_seconds`, `warren_queue_consumers` and `warren_dead_letters`, are set by one process of all, so that they can be
/// added up; when that one ends, another goes on. Those of a queue that is gone, or of a process that tells no more, are withdrawn.
public struct BrokerGauges: Service {
  private let broker: any InspectableBroker
  private let interval: Duration
  private let lock: LockName
  private let clock: any BrokerClock

  /// Measures `broker` every `interval`, by the broker's clock unless another is given.
  ///
  /// - Parameter lock: by which one process of all is found (``LockingBroker``). Applications that share a broker, and whose metrics go to
  ///   different places, have different ones. On an engine without locks, and where this user may take none, each process tells of queues.
  public init(
    _ broker: any InspectableBroker, every interval: Duration = .seconds(10), lock: LockName = "gauges",
    clock: (any BrokerClock)? = nil
  ) {
    self.broker = broker
    self.interval = interval
    self.lock = lock
    self.clock = clock ?? broker.clock
  }

  /// Measures until it is stopped.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      let tells = Watched(false)
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Whether this process reaches the broker is told by each, while it waits for the lock and cannot tell of queues.
        group.addTask {
          while true {
            if !tells.value { _ = await look() }
            try await clock.sleep(for: interval)
          }
        }
        // The queues are told of by the one that has the lock, for as long as it has it.
        group.addTask {
          try await broker.inOneProcess(lock, pause: interval, by: clock) {
            tells.withValue { $0 = true }
            defer { tells.withValue { $0 = false } }
            try await tell()
          }
        }
        try await group.waitForAll()
      }
    }
  }

  /// Tells of the queues for as long as this process is the one that does.
  private func tell() async throws {
    var gauges = ToldGauges()
    defer { gauges.withdrawOthers() }
    while true {
      // What was known stays while the broker does not answer: an alert is not to begin anew for that.
      if let queues = await look() {
        for queue in queues { set(queue, &gauges) }
        gauges.withdrawOthers()
      }
      try await clock.sleep(for: interval)
    }
  }

  /// The queues; `nil` while the broker cannot tell them. Whether it is there is told, and that it is not when it has given no answer
  /// for as long as the interval: the call for its queues may wait much longer for it.
  private func look() async -> [QueueStatus]? {
    let up = Gauge(label: "warren_connection_up")
    return await withTaskGroup(of: Void.self) { group in
      // Beside the call, since that does not return before its own deadline.
      group.addTask { if (try? await clock.sleep(for: interval)) != nil { up.record(0) } }
      let result: Result<[QueueStatus], BrokerError>
      do throws(BrokerError) { result = .success(try await broker.queues()) } catch { result = .failure(error) }
      group.cancelAll()
      await group.waitForAll()
      switch result {
      case .success(let queues):
        up.record(1)
        return queues
      case .failure(let error):
        // An engine that cannot list queues is there all the same.
        up.record(error.code == .unsupported ? 1 : 0)
        return nil
      }
    }
  }

  private func set(_ queue: QueueStatus, _ gauges: inout ToldGauges) {
    let dimension = ("queue", queue.name.rawValue)
    if queue.holdsDeadLetters {
      gauges.set("warren_dead_letters", [dimension], Double(queue.ready))
    } else {
      gauges.set("warren_queue_consumers", [dimension], Double(queue.consumers))
      setOldest(queue, dimension, &gauges)
    }
    for (state, count) in [("ready", queue.ready), ("delayed", queue.delayed), ("running", queue.running)] {
      guard let count else { continue }
      gauges.set("warren_queue_depth", [dimension, ("state", state)], Double(count))
    }
  }

  /// An engine that does not tell the oldest has no such gauge. What a paused queue holds back waits for a person.
  private func setOldest(_ queue: QueueStatus, _ dimension: (String, String), _ gauges: inout ToldGauges) {
    // One that shows no single messages does not know the oldest of them.
    guard broker.capabilities.showsWaitingMessages else { return }
    let waiting = queue.isPaused ? nil : queue.oldest.map { max(0, clock.now.timeIntervalSince($0)) }
    gauges.set("warren_queue_oldest_seconds", [dimension], waiting ?? 0)
  }
}

extension BrokerGauges: CustomStringConvertible, CustomReflectable {
  /// `gauges every 10 s`.
  public var description: String { "gauges every \(interval.words)" }
  /// Its interval.
  public var customMirror: Mirror { Mirror(self, children: ["interval": interval]) }
}
