internal import Foundation
internal import Logging
internal import Synchronization

/// Sees one delivery of a queue through, from the handing-out to the settlement.
struct DeliveryProcessor: Sendable {
  let plan: QueuePlan
  let broker: any Broker
  let gate: SuspectGate
  let judge: Judge
  let options: Worker.Options
  let logger: Logger
  let instruments: Instruments
  let trace = MessageTrace()

  func process(_ delivery: Delivery) async {
    if let settlement = judge.settlement(before: delivery, now: options.clock.now) {
      return await settle(delivery, settlement, name: plan.name(of: delivery), took: .zero)
    }
    let processed: Processed?
    if delivery.isSuspect {
      processed = await gate.alone(patience: options.suspectPatience, clock: options.clock) {
        guard await begin(delivery) else { return .settled }
        return await settleUnlessDead(delivery, handle(delivery))
      }
    } else {
      processed = await gate.among { await settleUnlessDead(delivery, handle(delivery)) }
    }
    switch processed {
    case .settled: break
    case .dead(let handled): await settle(delivery, handled.settlement, name: handled.name, took: handled.took)
    case nil:
      let later = options.clock.now.addingTimeInterval(options.suspectPatience.seconds)
      await settle(delivery, .postpone(until: later), name: plan.name(of: delivery), took: .zero)
    }
  }

  /// Whether a suspect may be handled: it still belongs to this worker, and the engine has noted that it begins.
  private func begin(_ suspect: Delivery) async -> Bool {
    do {
      return try await broker.begin(suspect) == .settled
    } catch {
      log(.error, "A suspect could not be begun: it goes back to its queue", suspect, ["error": "\(error)"])
      await settle(suspect, .release, name: plan.name(of: suspect), took: .zero)
      return false
    }
  }

  private struct Handled {
    let settlement: Settlement
    let name: MessageName
    let took: Duration
  }

  private enum Processed {
    case settled
    case dead(Handled)
  }

  /// A dead letter is settled when the gate is free again: its queue may be away for long, and no other delivery should wait for that.
  private func settleUnlessDead(_ delivery: Delivery, _ handled: Handled) async -> Processed {
    if case .deadLetter = handled.settlement { return .dead(handled) }
    await settle(delivery, handled.settlement, name: handled.name, took: handled.took)
    return .settled
  }

  private func handle(_ delivery: Delivery) async -> Handled {
    let begin = ContinuousClock.now
    let name = plan.name(of: delivery)
    guard let handler = plan.handlers[name] ?? plan.fallback else {
      let settlement = judge.settlement(unhandled: delivery, name, plan.unhandled, now: options.clock.now)
      return Handled(settlement: settlement ?? .complete, name: name, took: .zero)
    }
    var settlement = Settlement.complete
    do {
      let context = MessageContext(
        message: delivery.message, queue: delivery.queue, attempt: delivery.history.attempts + 1)
      try await MessageContext.$current.withValue(context) {
        try await trace.handling(delivery) {
          try await options.middleware.handle(delivery) { try await run(handler, $0) }
        }
      }
    } catch {
      // Cancelled means: told to stop, and past the deadline. What then fails is no failure of the message.
      settlement =
        Task.isCancelled
        ? .release : judge.settlement(after: error, of: delivery, policy: handler.retry, now: options.clock.now)
    }
    return Handled(settlement: settlement, name: name, took: begin.duration(to: .now))
  }

  private func run(_ handler: Handler, _ delivery: Delivery) async throws {
    let body = try handler.decode(delivery.message)
    let context = HandlerContext(
      message: delivery.message, queue: delivery.queue, routingKey: delivery.routingKey, history: delivery.history,
      isLastAttempt: delivery.history.attempts >= handler.retry.retries, logger: logger)
    guard let limit = handler.timeout else { return try await body(context) }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await body(context)
        return true
      }
      group.addTask {
        try await options.clock.sleep(until: options.clock.now.addingTimeInterval(limit.seconds))
        return false
      }
      defer { group.cancelAll() }
      if try await group.next() == true { return }
      group.cancelAll()
      // It may have finished in spite of the cancellation: then it is done, only late.
      do {
        if try await group.next() == true { return }
      } catch {}
      throw HandlerTimeout(limit: limit)
    }
  }

  private func settle(_ delivery: Delivery, _ settlement: Settlement, name: MessageName, took: Duration) async {
    let label = plan.handlers[name] != nil ? name.rawValue : "other"
    let word: String
    switch settlement {
    case .complete: word = "complete"
    case .release: word = "release"
    case .postpone: word = "postpone"
    case .isolate:
      word = "postpone"
      log(.warning, "Workers died while they held this message: it will be handled alone", delivery)
    case .retry(let time, let history):
      word = "retry"
      instruments.failed(queue: plan.queue, name: label)
      instruments.retried(queue: plan.queue, name: label)
      log(
        .warning, "Handling failed, will retry", delivery,
        ["error": "\(history.failures.last?.message ?? "")", "retry.at": "\(time.formatted(.iso8601))"])
    case .deadLetter(let reason, _):
      word = "dead-letter"
      instruments.failed(queue: plan.queue, name: label)
      log(.error, "Message dead-lettered", delivery, ["reason": "\(reason)"])
    }
    do {
      let result = try await broker.settle(delivery, as: settlement)
      instruments.handled(result == .stale ? "stale" : word, queue: plan.queue, name: label, took: took)
      if result == .stale {
        log(.warning, "Outcome refused: the message was taken away meanwhile and is handled elsewhere", delivery)
      }
    } catch {
      log(.error, "Outcome not recorded: the message stays in its queue", delivery, ["error": "\(error)"])
    }
  }

  private func log(
    _ level: Logger.Level, _ text: Logger.Message, _ delivery: Delivery, _ more: Logger.Metadata = [:]
  ) {
    logger.log(
      level: level, text,
      metadata: MessageContext(
        message: delivery.message, queue: delivery.queue, attempt: delivery.history.attempts + 1
      ).logMetadata.merging(more) { $1 })
  }
}
