internal import Metrics
internal import Synchronization

/// The metrics of Warren, by swift-metrics.
/// Names and dimensions stand in `docs/observability.md`; `name` is bounded: what a stranger sends is `other`.
///
/// Each bus and each worker has its own. The metrics system is asked when something is first counted, in the task that
/// counts: so a process bootstraps it at any time before, and a test gives its own with `withMetricsFactory`.
final class Instruments: Sendable {
  private struct Key: Hashable {
    var label: String
    var place: String
    var name: String
    var result: String
  }
  private let counters = Mutex<[Key: Counter]>([:])
  private let timers = Mutex<[Key: Metrics.Timer]>([:])

  func published(_ result: PublishResult, to destination: Publication.Destination, name: String) {
    let word =
      switch result {
      case .stored: "stored"
      case .repeated: "repeated"
      case .unroutable: "unroutable"
      case .failed: "failed"
      }
    count("warren_published_total", ("destination", destination.place), name, ("result", word))
  }

  func handled(_ outcome: String, queue: QueueName, name: String, took: Duration) {
    count("warren_handled_total", ("queue", queue.rawValue), name, ("outcome", outcome))
    let key = Key(label: "warren_handling_seconds", place: queue.rawValue, name: name, result: "")
    let timer = timers.withLock { timers in
      if let timer = timers[key] { return timer }
      let timer = Metrics.Timer(label: key.label, dimensions: [("queue", key.place), ("name", name)])
      timers[key] = timer
      return timer
    }
    let (seconds, attoseconds) = took.components
    timer.recordNanoseconds(min(seconds, 9_000_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// Counts a handler that was cancelled and runs on. The task that cancels is another, which may have other metrics: so this one is
  /// asked for them.
  func stuckHandler(queue: QueueName, name: String) -> StuckHandler {
    let metrics = MetricsSystem.factory
    return StuckHandler {
      Meter(label: "warren_handlers_stuck", dimensions: [("queue", queue.rawValue), ("name", name)], factory: metrics)
    }
  }

  func failed(queue: QueueName, name: String) { count("warren_failures_total", ("queue", queue.rawValue), name) }
  func timedOut(queue: QueueName, name: String) { count("warren_timeouts_total", ("queue", queue.rawValue), name) }
  func retried(queue: QueueName, name: String) { count("warren_retries_total", ("queue", queue.rawValue), name) }

  func scheduled(_ schedule: String, job: MessageName, _ result: String) {
    count("warren_scheduled_total", ("schedule", schedule), job.rawValue, ("result", result))
  }

  private func count(
    _ label: String, _ place: (String, String), _ name: String, _ result: (String, String)? = nil
  ) {
    let key = Key(label: label, place: place.1, name: name, result: result?.1 ?? "")
    let counter = counters.withLock { counters in
      if let counter = counters[key] { return counter }
      let counter = Counter(label: label, dimensions: [place, ("name", name)] + (result.map { [$0] } ?? []))
      counters[key] = counter
      return counter
    }
    counter.increment()
  }
}
