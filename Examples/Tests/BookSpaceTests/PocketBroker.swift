import Foundation
import ServiceLifecycle
import Synchronization
import Warren

/// A broker for one queue and one test: it keeps what is published, hands it out, and tells how each delivery ended.
final class PocketBroker: InspectableBroker {
  private struct State {
    var topology: Topology?
    var publications: [Publication] = []
    var waiting: [Delivery] = []
    var consumer: Consumer?
    var refusal: BrokerError?
  }
  private let state = Mutex(State())
  private let outcomes = AsyncStream<Settlement>.makeStream()

  /// Everything that was published.
  var publications: [Publication] { state.withLock { $0.publications } }
  /// How deliveries ended, in order.
  var settlements: AsyncStream<Settlement> { outcomes.stream }
  /// Lets nothing be published any more, or, without an error, again.
  func refuse(with error: BrokerError?) { state.withLock { $0.refusal = error } }
  /// Whether nothing can be published.
  var refuses: Bool { state.withLock { $0.refusal != nil } }

  /// Hands out a message once more, as after the death of a worker.
  func redeliver(_ message: Message) { hand([delivery(of: message)]) }

  let capabilities = BrokerCapabilities(
    engine: "Pocket", storesBatchesAsOne: true, ordersByPriority: false, showsWaitingMessages: false, largestBody: .max)

  func run() async throws { try? await gracefulShutdown() }

  func apply(_ topology: Topology) async throws(BrokerError) { state.withLock { $0.topology = topology } }

  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    state.withLock { $0.publications += publications }
    hand(publications.map { delivery(of: $0.message) })
    return publications.map { _ in .stored }
  }

  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    let consumer = Consumer(queue: queue, prefetch: prefetch) { _ in }
    let waiting = state.withLock { state in
      state.consumer = consumer
      defer { state.waiting = [] }
      return state.waiting
    }
    consumer.hand(waiting)
    return try await body(consumer)
  }

  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    outcomes.continuation.yield(settlement)
    return .settled
  }

  func queues() async throws(BrokerError) -> [QueueStatus] { [] }
  func workers() async throws(BrokerError) -> [WorkerStatus] { [] }
  func diagnose() async throws(BrokerError) -> [Finding] { [] }
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    state.withLock { $0.topology } == topology
      ? [] : [TopologyDifference("topology", declared: "another", wanted: "this")]
  }

  func topology() async throws(BrokerError) -> Topology {
    if let topology = state.withLock({ $0.topology }) { return topology }
    return try Topology()
  }

  private func hand(_ deliveries: [Delivery]) {
    let consumer = state.withLock { state in
      if state.consumer == nil { state.waiting += deliveries }
      return state.consumer
    }
    consumer?.hand(deliveries)
  }

  private func delivery(of message: Message) -> Delivery {
    Delivery(
      message: message, queue: "bookspace.notifications", exchange: "bookspace.events",
      routingKey: RoutingKey(message.name?.rawValue ?? ""), history: History(), isSuspect: false,
      token: Delivery.Token(scope: 0, number: 0, fence: 0))
  }
}
