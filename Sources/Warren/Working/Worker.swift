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
/// The two may stand in either order: a broker that is told to stop first lets its workers finish.
///
/// When it is to stop it takes nothing more, finishes what runs, and after ``Options/stopDeadline`` cancels it; what did
/// not finish goes back to its queue, and that costs no attempt.
public struct Worker: Service {
  /// Settings that rarely need to differ from their defaults.
  public struct Options: Sendable {
    /// How long running handlers may go on after the worker was told to stop.
    public var stopDeadline: Duration = .seconds(25)
    /// For how long at a stretch suspects (see ``Delivery/isSuspect``) may hold up the other messages of this worker, while they
    /// wait to be alone and while they run. Then the others go on, for at least as long.
    public var suspectPatience: Duration = .seconds(60)
    /// The size in bytes to which a body may unpack whose content encoding is gzip: a few kilobytes can unpack to gigabytes. What would
    /// become larger is parked, and never takes more memory than this. 16 MiB by default.
    public var unpackedLimit = 16 * 1024 * 1024
    /// Sees every message before its handler does, unpacked.
    public var middleware: [any Middleware] = []
    /// The time that retries and timeouts go by; the broker's by default.
    public var clock: (any BrokerClock)?
    /// Where it is kept which circuit breakers are open, so that other processes see and reset them, and which jobs a newer one with the
    /// same key has superseded; the engine itself by default, where it can. Beside RabbitMQ it is needed by a worker that has a breaker
    /// or takes unique jobs, which has the store of the ``EventBus``. With one given it is also looked up before each job whether that
    /// was cancelled.
    public var store: (any StateStore)?
    /// How long a job waits for a worker that has a handler of its name, counted from when a worker first met it: while a new
    /// version is rolled out, older workers meet jobs that they do not know. Then it is parked.
    public var unknownNamePatience: Duration = .seconds(900)
    /// The defaults.
    public init() {}

    func validate(_ worker: String) throws(BrokerError) {
      for (what, time) in [
        ("stopDeadline", stopDeadline), ("suspectPatience", suspectPatience),
        ("unknownNamePatience", unknownNamePatience),
      ] where time < .zero {
        throw BrokerError(.invalid, "\(what) of the worker '\(worker)' is \(time.words): give a time from zero on")
      }
      if unpackedLimit < 1 {
        throw BrokerError(.invalid, "unpackedLimit of the worker '\(worker)' is \(unpackedLimit): give 1 byte or more")
      }
    }
  }

  /// What it is called, in logs and in the record of failures.
  public let name: String
  /// The exchanges, queues and bindings that it needs. The service that publishes applies it too.
  public let topology: Topology
  /// The queues that it takes from.
  public var queues: [QueueName] { plans.map(\.queue) }
  let broker: any Broker
  let plans: [QueuePlan]
  private let options: Options
  let store: (any StateStore)?
  let clock: any BrokerClock
  let logger: Logger

  /// A worker on these subscriptions and jobs.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` or ``BrokerError/Code/topologyConflict`` when they contradict each other;
  ///   ``BrokerError/Code/unsupported`` when one has a breaker, and there is no store to keep it in.
  public init(
    _ broker: any Broker, name: String, options: Options = Options(), logger: Logger = Logger(label: "warren.worker"),
    @WorkerBuilder _ components: () -> [WorkerComponent]
  ) throws(BrokerError) {
    guard (1...255).contains(name.utf8.count) else {
      throw BrokerError(.invalid, "the name of a worker has \(name.utf8.count) bytes: give it one of 1 to 255")
    }
    try options.validate(name)
    var plans: [QueuePlan] = []
    var topology = try Topology()
    for component in components() {
      let plan = try component.plan()
      plans.append(plan)
      topology = try topology.merging(plan.topology)
    }
    if plans.isEmpty {
      throw BrokerError(.invalid, "the worker '\(name)' has nothing to do: give it a Subscription, or On(…) for a job")
    }
    self.plans = try QueuePlan.merge(plans)
    try Self.checkBreakers(of: self.plans)
    store = options.store ?? broker as? any StateStore
    if store == nil, self.plans.contains(where: { $0.breaker != nil }) {
      throw BrokerError(noStoreFor: "breakers", broker.capabilities.engine)
    }
    self.topology = topology
    self.broker = broker
    self.name = name
    self.options = options
    clock = options.clock ?? broker.clock
    self.logger = logger
  }

  /// Applies the topology, then works until it is stopped. While the broker is away it waits.
  ///
  /// - Throws: ``BrokerError`` when waiting does not help, such as ``BrokerError/Code/topologyConflict``. If that happens on one
  ///   queue, the work on all others ends as at a stop first, within ``Options/stopDeadline``. ``BrokerError/Code/stopped`` when
  ///   the broker was stopped, and the worker was not within that time.
  public func run() async throws {
    let stop = StopSignal()
    try await withTaskCancellationOrGracefulShutdownHandler {
      do {
        guard try await applyTopology(stop) else { return }
        try await work(until: stop)
      } catch let error as BrokerError where error.code == .stopped {
        try await waitForOwnStop(stop, after: error)
      }
    } onCancelOrGracefulShutdown: {
      stop.set()
    }
  }

  private func work(until stop: StopSignal) async throws {
    logger.info("Worker started", metadata: logMetadata)
    let tally = WorkerTally()
    defer { logger.info("Worker stopped", metadata: logMetadata.merging(tally.logMetadata) { $1 }) }
    let gate = SuspectGate(patience: options.suspectPatience, clock: clock)
    let instruments = Instruments(engine: broker.capabilities.engine)
    let (breakers, watches) = makeBreakers()
    for breaker in breakers.values { breaker.show() }
    // The end of one queue's work that was not asked for ends that of the others.
    let end = StopSignal()
    try await stop.onSet({
      logStop(tally)
      end.set()
    }) {
      try await end.onSet({ gate.stop() }) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for watch in watches {
            group.addTask { try await end.run { await watch.run() } }
          }
          for plan in plans {
            group.addTask {
              defer { end.set() }
              try await work(on: plan, plan.breaker.flatMap { breakers[$0.dependency] }, end, gate, instruments, tally)
            }
          }
          try await group.waitForAll()
        }
      }
    }
    // Its consumers have ended by themselves: the broker was stopped.
    if !stop.isSet { throw EngineLifecycle<Void>.stopped }
  }

  /// Where the broker stands behind its worker in a service group it is stopped first, and the worker's turn comes after that: until
  /// then it may not end, which the group would take for a failure.
  private func waitForOwnStop(_ stop: StopSignal, after error: BrokerError) async throws(BrokerError) {
    // Real time: what is waited for comes from outside.
    await stop.sleep(for: options.stopDeadline, by: SystemClock())
    if !stop.isSet { throw error }
  }

  /// Says once that a stop has begun, and what it waits for. Where the broker stands behind its worker in a service group it is told first,
  /// and the worker learns of that by the end of its consumers.
  private func logStop(_ tally: WorkerTally) {
    guard tally.beginStop() else { return }
    let state: Logger.Metadata = ["running": "\(tally.handlers)", "deadline": "\(options.stopDeadline.words)"]
    logger.info("Worker stopping", metadata: logMetadata.merging(state) { $1 })
  }

  private var logMetadata: Logger.Metadata {
    ["worker": "\(name)", "queues": "\(queues.map(\.rawValue).joined(separator: ", "))"]
  }

  /// Whether it was applied; `false` when the worker was stopped before. A stop waits neither for the topology nor for a broker that
  /// was never reached.
  private func applyTopology(_ stop: StopSignal) async throws -> Bool {
    do {
      return try await whileAway(stop) {
        try await stop.run {
          try await broker.apply(topology)
          try await checkLeases()
        }
      }
    } catch  where stop.isSet {
      return false
    }
  }

  /// Does something, again and again while the broker is away. Returns `false` when the worker was stopped before.
  private func whileAway(_ stop: StopSignal, _ body: () async throws -> Void) async throws -> Bool {
    while !stop.isSet {
      do {
        try await body()
        return true
      } catch let error as BrokerError where error.isRetryable && error.code != .notRunning {
        if stop.isSet { return false }
        logger.warning("The broker is away, waiting", metadata: ["error": "\(error)"])
        // Spread, so that the workers of many processes do not come back together.
        await stop.sleep(for: .milliseconds(Int.random(in: 500...1500)), by: clock)
      }
    }
    return false
  }

  private func work(
    on plan: QueuePlan, _ breaker: Breaker?, _ stop: StopSignal, _ gate: SuspectGate, _ instruments: Instruments,
    _ tally: WorkerTally
  ) async throws {
    _ = try await whileAway(stop) {
      try await broker.consume(plan.queue, prefetch: plan.settings.window) { consumer in
        logger.info("Subscribed to queue", metadata: ["queue": "\(plan.queue)"])
        let (pauses, pausing) = AsyncStream<ConsumerPause>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let pause: @Sendable (ConsumerPause) -> Void = { time in
          consumer.pause(until: time.until)
          pausing.yield(time)
        }
        let processor = DeliveryProcessor(
          plan: plan, broker: broker, gate: gate,
          judge: Judge(worker: name, unknownNamePatience: options.unknownNamePatience), options: options, clock: clock,
          logger: logger, instruments: instruments, tally: tally, consumer: consumer, breaker: breaker,
          claims: claims(on: plan),
          pause: { pause(ConsumerPause(until: $0)) })
        breaker?.join(consumer, pause)
        defer { breaker?.leave(consumer) }
        await stop.onSet({ consumer.stop() }) { await serve(consumer, processor, pauses) }
        tally.countUnbegun(consumer.unbegun)
      }
    }
  }

  /// What is asked of the store before a message of this queue is begun. Only jobs can be cancelled.
  private func claims(on plan: QueuePlan) -> JobClaims? {
    store.map { store in
      JobClaims(
        records: UniqueRecords(store: store, clock: clock),
        cancellations: options.store != nil && plan.unhandled == nil ? Cancellations(store: store) : nil)
    }
  }

  /// Handles what the consumer hands out until it is stopped and what was begun has ended.
  private func serve(_ consumer: Consumer, _ processor: DeliveryProcessor, _ pauses: AsyncStream<ConsumerPause>) async {
    await withTaskGroup(of: Bool.self) { group in
      var slots = processor.plan.settings.slots
      for _ in 0..<slots {
        group.addTask {
          await WorkerSlot(consumer: consumer, processor: processor).run()
          return true
        }
      }
      group.addTask {
        for await time in pauses { await resume(consumer, at: time) }
        return false
      }
      group.addTask {
        await consumer.waitUntilStopped()
        logStop(processor.tally)
        guard (try? await clock.sleep(for: options.stopDeadline)) != nil else { return false }
        warnOfRunning(consumer)
        return false
      }
      // Ends with the last slot; at the deadline those that are left are cancelled.
      while slots > 0, let isSlot = await group.next() {
        if isSlot { slots -= 1 } else { group.cancelAll() }
      }
      group.cancelAll()
    }
  }

  /// Lets a paused consumer go on when its time has come, unless it was paused for longer meanwhile.
  private func resume(_ consumer: Consumer, at pause: ConsumerPause) async {
    logger.warning(
      "Paused the queue in this worker",
      metadata: ["queue": "\(consumer.queue)", "until": "\(pause.until.formatted(.iso8601))"])
    if let end = pause.untilElapsed {
      guard (try? await clock.sleep(untilElapsed: end)) != nil else { return }
      if consumer.pausedUntil == pause.until { return consumer.resume() }
    } else {
      guard (try? await clock.sleep(until: pause.until)) != nil else { return }
    }
    if let end = consumer.pausedUntil, end <= clock.now { consumer.resume() }
  }

  /// Says which handlers a stop waits for: they are cancelled now, and may not heed it.
  private func warnOfRunning(_ consumer: Consumer) {
    for delivery in consumer.handled {
      logger.warning(
        "The stop deadline is over: this handler is cancelled, and its message goes back to the queue when it ends",
        metadata: [
          "queue": "\(consumer.queue)", "message.id": "\(delivery.id ?? "")", "message.name": "\(delivery.name ?? "")",
          "since": "\(delivery.since.formatted(.iso8601))",
        ])
    }
  }
}

extension Worker: CustomStringConvertible, CustomReflectable {
  /// `worker 'notifications' on 'notification.booking', 'email_queue'`: what it holds, such as middleware with keys in it, is
  /// not for logs.
  public var description: String {
    "worker '\(name)' on \(queues.map { "'\($0)'" }.joined(separator: ", "))"
  }
  /// Its name and queues.
  public var customMirror: Mirror { Mirror(self, children: ["name": name, "queues": queues]) }
}

extension Worker.Options: CustomStringConvertible, CustomReflectable {
  /// Its times, and the types of its middleware, which may have keys in it.
  public var description: String {
    "stopDeadline \(stopDeadline.words), suspectPatience \(suspectPatience.words), unknownNamePatience "
      + "\(unknownNamePatience.words), middleware \(middlewareNames)"
  }
  /// Its times, and the types of its middleware.
  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "stopDeadline": stopDeadline, "suspectPatience": suspectPatience, "unknownNamePatience": unknownNamePatience,
        "middleware": middlewareNames,
      ])
  }
  private var middlewareNames: [String] { middleware.map { "\(type(of: $0))" } }
}
