internal import Foundation
internal import Metrics
public import ServiceLifecycle

/// Measures the broker every so often and sets the gauges `warren_connection_up`, `warren_queue_depth`,
/// `warren_queue_oldest_seconds`, `warren_queue_consumers` and `warren_dead_letters`. A service to run beside the broker.
public struct BrokerGauges: Service {
  private let broker: any InspectableBroker
  private let interval: Duration
  private let clock: any BrokerClock

  /// Measures `broker` every `interval`, by the broker's clock unless another is given.
  public init(
    _ broker: any InspectableBroker, every interval: Duration = .seconds(10), clock: (any BrokerClock)? = nil
  ) {
    self.broker = broker
    self.interval = interval
    self.clock = clock ?? broker.clock
  }

  /// Measures until it is stopped.
  public func run() async throws {
    try? await cancelWhenGracefulShutdown {
      while true {
        await measure()
        try await clock.sleep(for: interval)
      }
    }
  }

  private func measure() async {
    let up = Gauge(label: "warren_connection_up")
    let queues: [QueueStatus]
    do { queues = try await broker.queues() } catch {
      // An engine that cannot list queues is there all the same.
      return up.record(error.code == .unsupported ? 1 : 0)
    }
    up.record(1)
    for queue in queues {
      let dimension = ("queue", queue.name.rawValue)
      if queue.holdsDeadLetters {
        Gauge(label: "warren_dead_letters", dimensions: [dimension]).record(queue.ready)
      } else {
        Gauge(label: "warren_queue_consumers", dimensions: [dimension]).record(queue.consumers)
        measureOldest(queue, dimension)
      }
      for (state, count) in [("ready", queue.ready), ("delayed", queue.delayed), ("running", queue.running)] {
        guard let count else { continue }
        Gauge(label: "warren_queue_depth", dimensions: [dimension, ("state", state)]).record(count)
      }
    }
  }

  /// An engine that does not tell the oldest has no such gauge. What a paused queue holds back waits for a person.
  private func measureOldest(_ queue: QueueStatus, _ dimension: (String, String)) {
    // One that shows no single messages does not know the oldest of them.
    guard broker.capabilities.showsWaitingMessages else { return }
    let waiting = queue.isPaused ? nil : queue.oldest.map { max(0, clock.now.timeIntervalSince($0)) }
    Gauge(label: "warren_queue_oldest_seconds", dimensions: [dimension]).record(waiting ?? 0)
  }
}

extension BrokerGauges: CustomStringConvertible, CustomReflectable {
  /// `gauges every 10 s`.
  public var description: String { "gauges every \(interval.words)" }
  /// Its interval.
  public var customMirror: Mirror { Mirror(self, children: ["interval": interval]) }
}
