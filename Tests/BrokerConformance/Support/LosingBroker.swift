internal import Synchronization
internal import Warren

/// An engine of which the answers to the first publishes are lost, as they are when a connection breaks.
final class LosingBroker: Broker {
  /// What becomes of a publish whose answer is lost.
  enum Loss {
    /// It was stored before the answer was lost.
    case afterStoring
    /// It never arrived.
    case beforeStoring
    /// Nothing was stored, and the caller is told so: the engine cannot be reached.
    case unreachable
  }
  private let base: any Broker
  private let losses: Mutex<[Loss]>
  private let calls = Counter()

  init(_ base: any Broker, losing losses: [Loss]) {
    self.base = base
    self.losses = Mutex(losses.reversed())
  }

  /// How often something was published.
  var publishes: Int { calls.value }

  var capabilities: BrokerCapabilities { base.capabilities }
  func apply(_ topology: Topology) async throws(BrokerError) { try await base.apply(topology) }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    _ = calls.enter()
    let lost = PublishResult.failed(BrokerError(.unknownOutcome, "the connection was lost before the answer came"))
    switch losses.withLock({ $0.popLast() }) {
    case nil: return try await base.publish(publications)
    case .afterStoring: return try await base.publish(publications).map { $0.isStored ? lost : $0 }
    case .beforeStoring: return publications.map { _ in lost }
    case .unreachable: throw BrokerError(.unavailable, "the broker cannot be reached")
    }
  }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { try await base.consume(queue, prefetch: prefetch, body) }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await base.settle(delivery, as: settlement)
  }
  /// The engine beneath runs already.
  func run() async throws {}
}
