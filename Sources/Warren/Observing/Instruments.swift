internal import Metrics
internal import Synchronization

/// The metrics of Warren, by swift-metrics, and beside its own those of OpenTelemetry's conventions (``Conventions``).
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
  private enum Backend: UInt8, AtomicRepresentable {
    case unknown, none, some
  }
  /// `messaging.system` of the conventions.
  let system: String
  /// Whether there is a backend, so that without one a message need not pay for metrics; `nil` until that was asked.
  private let backend = Atomic(Backend.unknown)
  private let counters = Mutex<[Key: Counter]>([:])
  private let timers = Mutex<[Key: Metrics.Timer]>([:])

  /// Those of what works on an engine that calls itself so.
  init(engine: String) { system = Conventions.system(engine) }

  func published(_ result: PublishResult, to destination: Publication.Destination, name: String) {
    if !hasBackend { return }
    let word =
      switch result.kind {
      case .stored: "stored"
      case .repeated: "repeated"
      case .unroutable: "unroutable"
      case .failed: "failed"
      }
    count("warren_published_total", ("destination", destination.place), name, ("result", word))
    var problem: String?
    if let error = result.error { problem = Conventions.type(of: error) }
    increment(key(Conventions.Metric.sent, .publish, destination.place, problem), dimensions)
  }

  func handled(_ outcome: String, queue: QueueName, name: String, took: Duration) {
    count("warren_handled_total", ("queue", queue.rawValue), name, ("outcome", outcome))
    record(took, Key(label: "warren_handling_seconds", place: queue.rawValue, name: name, result: ""), byName)
  }

  /// Counts a handler that was cancelled and runs on. The task that cancels is another, which may have other metrics: so this one is
  /// asked for them.
  func stuckHandler(queue: QueueName, name: String) -> StuckHandler {
    let metrics = MetricsSystem.factory
    return StuckHandler {
      Meter(label: "warren_handlers_stuck", dimensions: [("queue", queue.rawValue), ("name", name)], factory: metrics)
    }
  }

  /// The first attempt began so long after it could have.
  func began(_ queue: QueueName, name: String, late: @autoclosure () -> Duration) {
    record(late(), Key(label: "warren_lateness_seconds", place: queue.rawValue, name: name, result: ""), byName)
  }

  func failed(queue: QueueName, name: String) { count("warren_failures_total", ("queue", queue.rawValue), name) }
  func timedOut(queue: QueueName, name: String) { count("warren_timeouts_total", ("queue", queue.rawValue), name) }
  /// - Parameter reason: the type of the error.
  func retried(queue: QueueName, name: String, reason: String) {
    count("warren_retries_total", ("queue", queue.rawValue), name, ("reason", reason))
  }
  func parked(queue: QueueName, name: String, reason: DeadLetterReason.Kind) {
    count("warren_dead_lettered_total", ("queue", queue.rawValue), name, ("reason", reason.rawValue))
  }

  func superseded(queue: QueueName, name: String) { count("warren_superseded_total", ("queue", queue.rawValue), name) }

  func scheduled(_ schedule: String, job: MessageName, _ result: String) {
    count("warren_scheduled_total", ("schedule", schedule), job.rawValue, ("result", result))
  }

  // MARK: The conventions

  /// A delivery came to the worker.
  func consumed(from queue: QueueName) {
    increment(key(Conventions.Metric.consumed, .process, queue.rawValue, nil), dimensions)
  }

  /// A handler has ended, with this error or without.
  func processed(_ queue: QueueName, took: @autoclosure () -> Duration, _ error: (any Error)?) {
    record(
      took(), key(Conventions.Metric.processDuration, .process, queue.rawValue, error.map(Conventions.type)), dimensions
    )
  }

  /// A call of the engine has ended, with this error or without.
  func took(
    _ time: @autoclosure () -> Duration, for operation: Conventions.Operation, _ place: @autoclosure () -> String,
    _ error: BrokerError?
  ) {
    record(
      time(), key(Conventions.Metric.operationDuration, operation, place(), error.map(Conventions.type))
    ) { dimensions($0) + [(Conventions.Attribute.operationType, operation.type)] }
  }

  private func key(_ label: String, _ operation: Conventions.Operation, _ place: String, _ error: String?) -> Key {
    Key(label: label, place: place, name: operation.rawValue, result: error ?? "")
  }

  /// The destination is the exchange or the queue alone: routing keys are without bound.
  private func dimensions(_ key: Key) -> [(String, String)] {
    var dimensions = [
      (Conventions.Attribute.system, system), (Conventions.Attribute.operationName, key.name),
      (Conventions.Attribute.destination, key.place),
    ]
    if !key.result.isEmpty { dimensions.append((Conventions.Attribute.errorType, key.result)) }
    return dimensions
  }

  private func byName(_ key: Key) -> [(String, String)] { [("queue", key.place), ("name", key.name)] }

  // MARK: Recording, which costs nothing without a backend

  private var hasBackend: Bool {
    let known = backend.load(ordering: .relaxed)
    if known != .unknown { return known == .some }
    let isThere = !(MetricsSystem.factory is NOOPMetricsHandler)
    backend.store(isThere ? .some : .none, ordering: .relaxed)
    return isThere
  }

  private func count(
    _ label: String, _ place: (String, String), _ name: String, _ result: (String, String)? = nil
  ) {
    increment(Key(label: label, place: place.1, name: name, result: result?.1 ?? "")) { _ in
      [place, ("name", name)] + (result.map { [$0] } ?? [])
    }
  }

  private func increment(_ key: @autoclosure () -> Key, _ dimensions: (Key) -> [(String, String)]) {
    guard hasBackend else { return }
    let key = key()
    let counter = counters.withLock { counters in
      if let counter = counters[key] { return counter }
      let counter = Counter(label: key.label, dimensions: dimensions(key))
      counters[key] = counter
      return counter
    }
    counter.increment()
  }

  private func record(
    _ time: @autoclosure () -> Duration, _ key: @autoclosure () -> Key, _ dimensions: (Key) -> [(String, String)]
  ) {
    guard hasBackend else { return }
    let key = key()
    let timer = timers.withLock { timers in
      if let timer = timers[key] { return timer }
      let timer = Metrics.Timer(label: key.label, dimensions: dimensions(key))
      timers[key] = timer
      return timer
    }
    let (seconds, attoseconds) = time().components
    timer.recordNanoseconds(min(seconds, 9_000_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
