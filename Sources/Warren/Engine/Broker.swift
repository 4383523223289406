public import ServiceLifecycle

/// An engine: it stores, routes and hands out messages.
///
/// The runtime decides what becomes of a message; an engine only does it. These laws hold on every engine, and the suite
/// `BrokerConformance` tests them:
///
/// 1. ``publish(_:)`` returns only when a message is durable in every queue it was routed to. Routed nowhere and
///    unknown outcome are results of their own, never success.
/// 2. At least once. The message id never changes.
/// 3. A retry goes to the queue that failed, never through the exchange again. A delay does not hold up the messages
///    behind it. Priority, time to live and headers survive it.
/// 4. Nothing is ever discarded. If parking fails, the message stays where it was. A job whose name no handler takes waits for
///    a deployment to finish, 15 minutes by default, before it is parked.
/// 5. The deliveries of a killed worker run again within 15 s; a stale owner cannot settle. A stop in good order counts
///    nowhere.
/// 6. Memory is bounded by prefetch and by unconfirmed publishes.
/// 7. A broker that goes away and comes back does not stop its users: publishers wait or fail by a deadline, consumers resume.
public protocol Broker: Service {
  /// The time that messages go by: bus, worker, gauges and operations use it unless they are given another.
  var clock: any BrokerClock { get }

  /// What this engine can do beyond the laws.
  var capabilities: BrokerCapabilities { get }

  /// Declares what is missing and checks what is there. Idempotent.
  ///
  /// - Throws: ``BrokerError/Code/topologyConflict`` with the difference when something is there and differs, and
  ///   ``BrokerError/Code/notFound`` when something adopted is missing; then nothing more is declared.
  func apply(_ topology: Topology) async throws(BrokerError)

  /// Stores messages; one result for each, in the same order. They cost one round trip together. While a broker dies a
  /// result can be ``BrokerError/Code/unknownOutcome``: publish that message again, with the same id.
  ///
  /// - Throws: when nothing at all was stored, because the broker does not run, was stopped or is full up to the deadline.
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult]

  /// Takes deliveries from a queue while `body` runs, at most `prefetch` of them unsettled at a time, and one suspect
  /// (``Delivery/isSuspect``) beside them. What is unsettled when `body` returns goes back to the queue; that counts nowhere.
  ///
  /// The consumer outlives the loss of the connection or file: it goes on when that is back.
  ///
  /// - Throws: ``BrokerError/Code/notFound`` when there is no such queue, and what `body` throws.
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result

  /// Ends a delivery. Returns when the outcome is as durable as the engine can make it.
  ///
  /// While the engine is away this waits; what it throws, therefore, is final: the broker was stopped, or parking is
  /// impossible (``BrokerError/Code/unroutable``) and the message stayed where it was. A cancelled task settles as any
  /// other, but it does not wait for an engine that is away.
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult

  /// Notes that a suspect (``Delivery/isSuspect``) is handled from now on, with no other message beside it in its process.
  ///
  /// An engine that can counts the death of a worker against a suspect only after this: while a suspect waits for the
  /// others to finish, the death is the doing of one of those. By default nothing is noted, and each death counts.
  ///
  /// - Returns: ``SettleResult/stale`` when the delivery belongs to another worker by now; then it must not be handled.
  func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult
}

extension Broker {
  /// The machine's clock.
  public var clock: any BrokerClock { SystemClock() }

  /// Nothing is noted.
  public func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult { .settled }

  /// Runs the broker while `body` runs: for scripts and tests. Services put the broker into a `ServiceGroup`.
  public func withBroker<Result: Sendable>(
    _ body: @Sendable (Self) async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.run() }
      let result: Result
      do {
        result = try await body(self)
      } catch {
        group.cancelAll()
        throw error
      }
      group.cancelAll()
      // What run() throws because it was cancelled says nothing.
      while let outcome = await group.nextResult() {
        if case .failure(let error) = outcome, !(error is CancellationError) { throw error }
      }
      return result
    }
  }
}
