import CoreMetrics
import NIOCore

// What a connection holds now, for swift-metrics.
extension AMQPConnection {
  /// Records the gauges once a second until the returned task is cancelled.
  func startGauges() -> RepeatedTask {
    eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { _ in
      self.assumeIsolated { $0.recordGauges() }
    }
  }

  func recordGauges() {
    var outstanding = 0
    var unsettled = 0
    for core in cores.values {
      outstanding += core.machine.publishing.outstanding
      unsettled += core.ledger.withLock { $0.unsettled }
    }
    metrics.outstanding.record(outstanding)
    metrics.unsettled.record(unsettled)
    metrics.channels.record(cores.count)
    metrics.blocked.record(link?.blockedReason == nil ? 0 : 1)
    metrics.open.record(link?.isOpen == true ? 1 : 0)
  }
}
