internal import Foundation
internal import Logging
internal import Synchronization

/// Sees the deliveries of a queue through, from the handing-out to the settlement. A class, as each step of each delivery keeps it.
final class DeliveryProcessor: Sendable {
  let plan: QueuePlan
  let broker: any Broker
  let gate: SuspectGate
  let judge: Judge
  let options: Worker.Options
  let clock: any BrokerClock
  let logger: Logger
  let instruments: Instruments
  let tally: WorkerTally
  let consumer: Consumer
  /// What is down or not, if the queue has a breaker.
  let breaker: Breaker?
  /// What the store is asked before a message is begun, if there is a store.
  let claims: JobClaims?
  private let hasMissedStore = Atomic(false)
  /// Stops taking from the queue until a time.
  let pause: @Sendable (Date) -> Void
  let trace = MessageTrace()

  init(
    plan: QueuePlan, broker: any Broker, gate: SuspectGate, judge: Judge, options: Worker.Options,
    clock: any BrokerClock, logger: Logger, instruments: Instruments, tally: WorkerTally, consumer: Consumer,
    breaker: Breaker?, claims: JobClaims?, pause: @escaping @Sendable (Date) -> Void
  ) {
    self.plan = plan
    self.broker = broker
    self.gate = gate
    self.judge = judge
    self.options = options
    self.clock = clock
    self.logger = logger
    self.instruments = instruments
    self.tally = tally
    self.consumer = consumer
    self.breaker = breaker
    self.claims = claims
    self.pause = pause
  }

  /// Sees it through, in a task that `cancellation` cancels while its handler runs.
  func process(_ delivery: Delivery, _ cancellation: HandlerCancellation = HandlerCancellation()) async {
    instruments.consumed(from: plan.queue)
    var delivery = delivery
    // What is settled is the message as it came; the handler gets it unpacked.
    var unpacked = delivery
    var problem: GZipError?
    do { try unpacked.message.unpack(to: options.unpackedLimit) } catch { problem = error }
    // What follows by this id, logs, causes and an inbox, goes by the one that the body gives. Nothing else is written: both share
    // one message, which would be copied.
    if delivery.message.id == nil, let id = plan.id(of: unpacked) {
      delivery.message.id = id
      unpacked.message.id = id
    }
    let name = plan.name(of: unpacked)
    guard await isWanted(delivery, name) else { return }
    let settlement =
      judge.settlement(before: delivery, now: clock.now)
      ?? problem.map { judge.settlement(packed: delivery, $0, now: clock.now) }
    if let settlement { return await settle(delivery, Handled(settlement, name)) }
    let processed = await gate.run(isSuspect: delivery.isSuspect) { [self, delivery] in
      log(
        .warning, "A suspect takes long: the other messages of this worker are handled beside it from now on", delivery)
    } _: { [delivery, unpacked] () -> Handled? in
      if delivery.isSuspect, await !begin(delivery, name) { return nil }
      return await settleUnlessDead(delivery, handle(unpacked, name, cancellation))
    }
    switch processed {
    case .done(nil): break
    case .done(let dead?): await settle(delivery, dead)
    case .refused(let time):
      let isLater = delivery.isSuspect && time > clock.now
      await settle(delivery, Handled(isLater ? .postpone(until: time) : .release, name))
    }
  }

  /// Whether a message is still wanted, as far as the store knows. What is not is settled here.
  private func isWanted(_ delivery: Delivery, _ name: MessageName) async -> Bool {
    guard let claims else {
      if delivery.message.headers[UniqueMark.header] != nil, !hasMissedStore.exchange(true, ordering: .relaxed) {
        log(
          .error, "A unique job is handled although a newer one may have taken its place", delivery,
          ["fix": "give this worker the store of the bus, by Worker.Options.store"])
      }
      return true
    }
    guard claims.concern(delivery) else { return true }
    do {
      if try await claims.begin(delivery) { return true }
    } catch {
      log(.warning, "The store cannot say whether this job is still wanted: it waits", delivery, ["error": "\(error)"])
      await settle(delivery, Handled(.postpone(until: clock.now.adding(.seconds(5))), name))
      return false
    }
    breaker?.skip(in: consumer)
    do {
      if try await broker.settle(delivery, as: .complete) == .settled {
        instruments.superseded(queue: plan.queue, name: label(name))
        log(.debug, "Superseded or cancelled: completed without its handler", delivery)
      }
    } catch {
      log(.error, "Outcome not recorded: the message stays in its queue", delivery, ["error": "\(error)"])
    }
    return false
  }

  /// Tells the store that a message is done, before the engine is told: a process that dies in between has the message come again, and
  /// be seen to be done.
  private func finish(_ delivery: Delivery) async {
    guard let claims, delivery.message.headers[UniqueMark.header] != nil else { return }
    await uncancelled { [self] in
      for attempt in 1...3 {
        do throws(BrokerError) { return try await claims.finish(delivery) } catch {
          if attempt == 3 {
            return log(.error, "The store was not told that a unique job is done", delivery, ["error": "\(error)"])
          }
        }
        try? await clock.sleep(for: .milliseconds(100 * attempt))
      }
    }
  }

  /// Whether a suspect may be handled: it still belongs to this worker, and the engine has noted that it begins.
  private func begin(_ suspect: Delivery, _ name: MessageName) async -> Bool {
    do {
      if try await broker.begin(suspect) == .settled { return true }
      breaker?.skip(in: consumer)
      return false
    } catch {
      log(.error, "A suspect could not be begun: it goes back to its queue", suspect, ["error": "\(error)"])
      await settle(suspect, Handled(.release, name))
      return false
    }
  }

  /// What is to become of a delivery.
  private struct Handled: Sendable {
    let settlement: Settlement
    let name: MessageName
    /// How long its handler took; `nil` when none was begun, or what it did is lost.
    let took: Duration?

    init(_ settlement: Settlement, _ name: MessageName, took: Duration? = nil) {
      self.settlement = settlement
      self.name = name
      self.took = took
    }
  }

  /// Returns what is a dead letter, which is settled when the gate is free again: its queue may be away for long, and no other
  /// delivery should wait for that.
  private func settleUnlessDead(_ delivery: Delivery, _ handled: Handled) async -> Handled? {
    if case .deadLetter = handled.settlement { return handled }
    await settle(delivery, handled)
    return nil
  }

  // MARK: Handling

  private func handle(
    _ delivery: Delivery, _ name: MessageName, _ cancellation: HandlerCancellation
  ) async -> Handled {
    let begin = ContinuousClock.now
    guard let handler = plan.handlers[name] ?? plan.fallback else {
      let settlement = judge.settlement(unhandled: delivery, name, plan.unhandled, now: clock.now)
      return Handled(settlement ?? .complete, name)
    }
    let shown = RunningDelivery(
      queue: delivery.queue, id: delivery.message.id, name: name, since: clock.now)
    let call = breaker?.begin()
    let label = label(name)
    noteLateness(delivery, label)
    let stuck = instruments.stuckHandler(queue: plan.queue, name: label)
    defer { stuck.ended() }
    let settlement: Settlement? = await tally.handling {
      await consumer.handlers.run(shown, delivery.token, cancellation) {
        do {
          try await runInContext(handler, delivery, stuck)
          instruments.processed(plan.queue, took: begin.duration(to: .now), nil)
          _ = end(call, of: delivery, .success)
          return .complete
        } catch {
          let failure = Conventions.isFailure(error) ? error : nil
          instruments.processed(plan.queue, took: begin.duration(to: .now), failure)
          let settlement = decide(after: error, of: delivery, handler, cancellation.reason)
          let isReleased = Task.isCancelled && !isDecision(error)
          let result = isReleased ? .unknown : plan.breaker?.result(of: error, policy: handler.retry) ?? .unknown
          let time = end(call, of: delivery, result, error)
          return time.map { judge.settlement(sparing: settlement, until: $0) } ?? settlement
        }
      }
    }
    // What was lost on the way here is not handled, and the engine refuses what is said of it.
    guard let settlement else { return Handled(.release, name) }
    return Handled(settlement, name, took: begin.duration(to: .now))
  }

  /// Runs a handler with all that is around it: the context of its task, a span, and the middleware.
  private func runInContext(_ handler: Handler, _ delivery: Delivery, _ stuck: StuckHandler) async throws {
    let context = MessageContext(
      message: delivery.message, queue: delivery.queue, attempt: delivery.history.nextAttempt)
    try await withTaskCancellationHandler {
      try await MessageContext.$current.withValue(context) {
        try await trace.handling(delivery, system: instruments.system) {
          try await options.middleware.handle(delivery) { [self] in try await run(handler, $0, stuck) }
        }
      }
    } onCancel: {
      stuck.cancelled()
    }
  }

  /// Measures how late the first attempt begins, by the broker's time. What was replayed or lost with a worker was on time once.
  private func noteLateness(_ delivery: Delivery, _ label: String) {
    let history = delivery.history
    guard history.attempts == 0, history.interruptions == 0, history.replays == 0,
      let due = delivery.due ?? delivery.message.timestamp
    else { return }
    instruments.began(
      plan.queue, name: label, late: .clamped(seconds: max(0, clock.now.timeIntervalSince(due))))
  }

  /// Tells the breaker. Returns until when the message is spared, if it is.
  private func end(
    _ call: BreakerMachine.Call?, of delivery: Delivery, _ result: BreakerMachine.Result, _ error: (any Error)? = nil
  ) -> Date? {
    guard let breaker, let call else { return nil }
    return breaker.end(call, of: delivery.message.id, result, error, in: consumer)
  }

  private func decide(
    after error: any Error, of delivery: Delivery, _ handler: Handler, _ cancellation: HandlerCancellation.Reason?
  ) -> Settlement {
    // Cancelled means: told to stop, and past the deadline; or the delivery is lost; or an operator asked for it. What then
    // fails is no failure of the message, unless the handler decides itself.
    if Task.isCancelled, !isDecision(error) {
      return cancellation == .asked ? judge.settlement(cancelled: delivery, now: clock.now) : .release
    }
    if case .pause(let time) = handler.retry.outcome(for: error).kind { pause(time.clamped) }
    return judge.settlement(after: error, of: delivery, policy: handler.retry, now: clock.now)
  }

  /// Whether the handler, or the error that it threw, says itself what becomes of the message. That is believed however late it is.
  private func isDecision(_ error: any Error) -> Bool { error is Outcome || error is any OutcomeError }

  private enum Step: Sendable {
    case handled
    case timeIsOver
    /// The sleeper was cancelled, because the handler's task was.
    case isCancelled
  }

  private func run(_ handler: Handler, _ delivery: Delivery, _ stuck: StuckHandler) async throws {
    let body = try handler.decode(delivery.message)
    let limit = handler.timeout
    let deadline = limit.map { clock.now.adding($0) }
    let end = limit.map { clock.elapsed + $0.bounded }
    let context = HandlerContext(
      message: delivery.message, queue: delivery.queue, routingKey: delivery.routingKey, history: delivery.history,
      isLastAttempt: delivery.history.attempts >= handler.retry.retries, deadline: deadline, logger: logger)
    guard let limit, let end else { return try await body(context) }
    try await withThrowingTaskGroup(of: Step.self) { group in
      group.addTask {
        try await body(context)
        return .handled
      }
      group.addTask { [clock] in
        do { try await clock.sleep(untilElapsed: end) } catch { return .isCancelled }
        return .timeIsOver
      }
      defer { group.cancelAll() }
      let first = try await group.next()
      if first == .handled { return }
      if first == .timeIsOver {
        stuck.cancelled()
        instruments.timedOut(queue: plan.queue, name: label(plan.name(of: delivery)))
        log(.warning, "The handler takes longer than it may, and was cancelled", delivery, ["limit": "\(limit.words)"])
      }
      group.cancelAll()
      // It may finish, or decide, in spite of the cancellation: then that counts, only late.
      do {
        _ = try await group.next()
      } catch {
        if first == .isCancelled || isDecision(error) { throw error }
        throw HandlerTimeout(limit: limit)
      }
    }
  }

  // MARK: Settling

  private func label(_ name: MessageName) -> String { plan.handlers[name] != nil ? name.rawValue : "other" }

  private func settle(_ delivery: Delivery, _ handled: Handled) async {
    // What no handler was begun for told nothing of the dependency: another one may try.
    if handled.took == nil { breaker?.skip(in: consumer) }
    let (settlement, label, took) = (handled.settlement, label(handled.name), handled.took ?? .zero)
    if case .complete = settlement { await finish(delivery) }
    let word: String
    switch settlement {
    case .complete:
      word = "complete"
      if logger.logLevel <= .debug { log(.debug, "Handled", delivery, ["took": "\(took)"]) }
    case .release: word = "release"
    case .postpone: word = "postpone"
    case .isolate:
      word = "postpone"
      log(.warning, "Workers died while they held this message: it will be handled alone", delivery)
    case .retry(let time, let history) where history.attempts == delivery.history.attempts:
      word = "postpone"
      log(
        .warning, "No handler of this worker takes this message yet, waiting", delivery,
        ["retry.at": "\(time.clamped.formatted(.iso8601))"])
    case .retry(let time, let history):
      word = "retry"
      instruments.failed(queue: plan.queue, name: label)
      instruments.retried(queue: plan.queue, name: label, reason: history.failures.last?.error ?? "")
      log(
        .warning, "Handling failed, will retry", delivery,
        exception(history).merging([
          "error": "\(history.failures.last?.message ?? "")",
          "retry.at": "\(time.clamped.formatted(.iso8601))",
        ]) { $1 })
    case .deadLetter(let reason, let history):
      word = "dead-letter"
      instruments.failed(queue: plan.queue, name: label)
      let failed = history.failures.last != delivery.history.failures.last
      log(
        .error, "Message dead-lettered", delivery,
        (failed ? exception(history) : [:]).merging(["reason": "\(reason)"]) { $1 })
    }
    let begin = ContinuousClock.now
    do {
      let result = try await trace.settling(delivery, system: instruments.system) { () throws(BrokerError) in
        try await broker.settle(delivery, as: settlement)
      }
      instruments.took(begin.duration(to: .now), for: .settle, plan.queue.rawValue, nil)
      if result == .settled {
        tally.count(settlement)
        if case .deadLetter(let reason, _) = settlement {
          instruments.parked(queue: plan.queue, name: label, reason: reason.kind)
        }
      }
      instruments.handled(result == .stale ? "stale" : word, queue: plan.queue, name: label, took: took)
      if result == .stale {
        log(.warning, "Outcome refused: the message was taken away meanwhile and is handled elsewhere", delivery)
      }
    } catch {
      instruments.took(begin.duration(to: .now), for: .settle, plan.queue.rawValue, error)
      instruments.handled("unsettled", queue: plan.queue, name: label, took: took)
      log(
        .error, "Outcome not recorded: the message stays in its queue", delivery,
        exception(.settle, type: Conventions.type(of: error), "\(error)").merging(["error": "\(error)"]) { $1 })
    }
  }

  /// What makes a line the exception event of the conventions, about the last failure of a message.
  private func exception(_ history: History) -> Logger.Metadata {
    guard let failure = history.failures.last else { return [:] }
    return exception(.process, type: failure.error, failure.message)
  }

  private func exception(
    _ operation: Conventions.Operation, type: String, _ message: String
  ) -> Logger.Metadata {
    [
      Conventions.Attribute.event: "\(operation.exceptionEvent)", Conventions.Attribute.exceptionType: "\(type)",
      Conventions.Attribute.exceptionMessage: "\(message)",
    ]
  }

  private func log(
    _ level: Logger.Level, _ text: Logger.Message, _ delivery: Delivery, _ more: Logger.Metadata = [:]
  ) {
    logger.log(
      level: level, text,
      metadata: MessageContext(
        message: delivery.message, queue: delivery.queue, attempt: delivery.history.nextAttempt
      ).logMetadata.merging(more) { $1 })
  }
}
