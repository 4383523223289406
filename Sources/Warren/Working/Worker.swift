internal import Foundation
public import Logging
public import ServiceLifecycle
internal import Synchronization

/// Takes messages from queues and hands them to handlers.
///
/// ```swift
/// let worker = try Worker(broker, name: "notifications") {
///   Subscription("notification.booking", on: "tutorgo_events", to: "booking.*") {
///     On(BookingCreated.self) { event, context in try await notify(event) }
///   }
///   On(SendEmail.self) { job, context in try await mailer.send(job) }.concurrency(10)
/// }
/// try await ServiceGroup(services: [broker, worker], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
/// When it is to stop it takes nothing more, finishes what runs, and after ``Options/stopDeadline`` cancels it; what did
/// not finish goes back to its queue, and that costs no attempt.
public struct Worker: Service {
  /// Settings that rarely need to differ from their defaults.
  public struct Options: Sendable {
    /// How long running handlers may go on after the worker was told to stop.
    public var stopDeadline: Duration = .seconds(25)
    /// How long a suspect (see ``Delivery/isSuspect``) waits for the others to finish before it is put off by as much.
    public var suspectPatience: Duration = .seconds(60)
    /// Sees every message before its handler does.
    public var middleware: [any Middleware] = []
    /// The time that retries go by.
    public var clock: any BrokerClock = SystemClock()
    /// The defaults.
    public init() {}
  }

  /// What it is called, in logs and in the record of failures.
  public let name: String
  /// The exchanges, queues and bindings that it needs. The service that publishes applies it too.
  public let topology: Topology
  /// The queues that it takes from.
  public var queues: [QueueName] { plans.map(\.queue) }
  private let broker: any Broker
  private let plans: [QueuePlan]
  private let options: Options
  private let logger: Logger

  /// A worker on these subscriptions and jobs.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` or ``BrokerError/Code/topologyConflict`` when they contradict each other.
  public init(
    _ broker: any Broker, name: String, options: Options = Options(), logger: Logger = Logger(label: "warren.worker"),
    @WorkerBuilder _ components: () -> [WorkerComponent]
  ) throws(BrokerError) {
    var plans: [QueuePlan] = []
    var topology = try Topology()
    for component in components() {
      let plan = try component.plan()
      plans.append(plan)
      topology = try topology.merging(plan.topology)
    }
    self.plans = try QueuePlan.merge(plans)
    self.topology = topology
    self.broker = broker
    self.name = name
    self.options = options
    self.logger = logger
  }

  /// Applies the topology, then works until it is stopped. While the broker is away it waits.
  ///
  /// - Throws: ``BrokerError`` when waiting does not help, such as ``BrokerError/Code/topologyConflict``.
  public func run() async throws {
    guard try await applyTopology() else { return }
    let gate = SuspectGate()
    let instruments = Instruments()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for plan in plans { group.addTask { try await work(on: plan, gate, instruments) } }
      try await group.waitForAll()
    }
  }

  /// Whether it was applied; `false` when the worker was stopped before.
  private func applyTopology() async throws -> Bool {
    try await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await broker.apply(topology)
          try await checkLeases()
          return true
        } catch let error as BrokerError where error.isRetryable && error.code != .notRunning {
          logger.warning("The broker is away, waiting", metadata: ["error": "\(error)"])
          try? await options.clock.sleep(until: options.clock.now.addingTimeInterval(1))
        }
      }
      return false
    }
  }

  /// Refuses to begin what the engine would take away before it is done: it would be handled twice, each time for nothing.
  private func checkLeases() async throws(BrokerError) {
    guard let broker = broker as? any LeasingBroker else { return }
    for plan in plans {
      guard let timeout = plan.longestTimeout else { continue }
      let turns = plan.settings.turns
      let wanted = timeout * turns
      guard let lease = try await broker.lease(of: plan.queue, wanted: wanted), lease.duration < wanted else {
        continue
      }
      let wait =
        turns == 1
        ? ""
        : " (a handler's timeout of \(timeout.words), \(turns) times, as up to \(plan.settings.window) are taken for "
          + "\(plan.settings.slots) handlers)"
      throw BrokerError(
        .invalid,
        "the worker '\(name)' may hold a message of '\(plan.queue)' for \(wanted.words)\(wait), and the broker takes it away "
          + "after \(lease.duration.words), as \(lease.source) says, to run it again elsewhere. Give its handlers a shorter "
          + "timeout, say .timeout(.seconds(\(max(1, lease.duration.components.seconds / Int64(turns))))), or a prefetch as "
          + "small as their concurrency, or a longer time at the broker: \(lease.fix)")
    }
  }

  private func work(on plan: QueuePlan, _ gate: SuspectGate, _ instruments: Instruments) async throws {
    let processor = DeliveryProcessor(
      plan: plan, broker: broker, gate: gate, judge: Judge(worker: name), options: options, logger: logger,
      instruments: instruments)
    try await broker.consume(plan.queue, prefetch: plan.settings.window) { consumer in
      logger.info("Subscribed to queue", metadata: ["queue": "\(plan.queue)"])
      await withTaskCancellationOrGracefulShutdownHandler {
        await withTaskGroup(of: Bool.self) { group in
          for _ in 0..<plan.settings.slots {
            group.addTask {
              while let delivery = await consumer.next() { await processor.process(delivery) }
              return true
            }
          }
          group.addTask {
            try? await gracefulShutdown()
            try? await options.clock.sleep(until: options.clock.now.addingTimeInterval(options.stopDeadline.seconds))
            return false
          }
          // Ends with the last slot, or cancels those that are left at the deadline.
          var slots = plan.settings.slots
          while slots > 0, let isSlot = await group.next() {
            if isSlot { slots -= 1 } else { group.cancelAll() }
          }
          group.cancelAll()
        }
      } onCancelOrGracefulShutdown: {
        consumer.stop()
      }
    }
  }
}
