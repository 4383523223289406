internal import Synchronization
internal import Warren

/// An engine of which the answers to the first publishes are lost, as they are when a connection breaks.
final class LosingBroker: ForwardingBroker {
  /// What becomes of a publish whose answer is lost.
  enum Loss {
    /// It was stored before the answer was lost.
    case afterStoring
    /// It never arrived.
    case beforeStoring
    /// Nothing was stored, and the caller is told so: the engine cannot be reached.
    case unreachable
  }
  let base: any Broker
  private let losses: Mutex<[Loss]>
  private let calls = Counter()

  init(_ base: any Broker, losing losses: [Loss]) {
    self.base = base
    self.losses = Mutex(losses.reversed())
  }

  /// The machine's: a virtual one stands still while a bus waits to publish again.
  var clock: any BrokerClock { SystemClock() }
  /// How often something was published.
  var publishes: Int { calls.value }

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
}
