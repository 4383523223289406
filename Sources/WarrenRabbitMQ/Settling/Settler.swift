internal import AMQP
internal import Foundation
internal import Logging
internal import Metrics
internal import NIOCore
internal import Warren

/// Ends deliveries. What goes elsewhere is copied and confirmed before it is acknowledged, so it may come twice and is never
/// lost.
struct Settler: Sendable {
  let session: Session
  let known: KnownTopology
  let topology: TopologyApplier
  let copies: CopyPublisher
  private var configuration: RabbitMQConfiguration { session.configuration }
  private var logger: Logger { session.logger }

  init(_ session: Session, _ known: KnownTopology, _ topology: TopologyApplier, _ copies: CopyPublisher) {
    self.session = session
    self.known = known
    self.topology = topology
    self.copies = copies
  }

  /// Ends a delivery that was taken out of `open`, where it is put back when that is impossible.
  func settle(
    _ held: HeldDelivery, of delivery: Delivery, in open: OpenDeliveries, as settlement: Settlement
  ) async throws(BrokerError) -> SettleResult {
    let queue = delivery.queue
    let work: @Sendable () async -> Result<SettleResult, BrokerError>
    switch settlement {
    // What the broker does by itself takes a single frame.
    case .complete: return held.acknowledge()
    case .release where session.server.givesBackFreely: return held.pump.giveBack(held)
    case .release: work = { await self.release(held) }
    case .retry(let time, let history):
      work = { await self.move(held, history, to: Destination(queue: held.queue, notBefore: time, mayBeLate: true)) }
    case .postpone(let time):
      work = { await self.move(held, held.history, to: Destination(queue: held.queue, notBefore: time)) }
    case .isolate: work = { await open.isolating(held) { await self.isolate(held, queue) } }
    case .deadLetter(let reason, let history): work = { await self.park(held, queue, reason, history) }
    }
    // From here on nothing may be left half done, whichever task is cancelled.
    let result = await uncancelled(work)
    if case .failure = result { open.putBack(held, delivery.token.number) }
    return try result.get()
  }

  /// Puts a delivery back into its queue as a copy: one that came by before its time, or a suspect whose deaths are to be counted.
  func putOff(_ held: HeldDelivery, until time: Date?) async {
    if case .failure(let error) = await move(held, held.history, to: Destination(queue: held.queue, notBefore: time)) {
      logger.warning(
        "A message could not be put back into its queue, and stays with this worker", metadata: ["error": "\(error)"])
    }
  }

  /// Returns what was handed out and not begun while its consumer handles the rest.
  func giveBackUnbegun(_ all: [HeldDelivery], of queue: QueueName) async {
    guard session.server.givesBackFreely else { return await giveBack(all, of: queue) }
    for (_, held) in Dictionary(grouping: all.filter(\.isCurrent), by: \.queue) {
      await held[0].pump.giveBack(inPortions: held)
    }
  }

  /// Puts a delivery that its handler holds for too long back into its queue, counted as an interruption.
  func takeAway(_ held: HeldDelivery) async -> Result<SettleResult, BrokerError> {
    var history = held.history
    history.interruptions += 1
    return await move(held, history, to: Destination(queue: held.queue))
  }

  /// Returns what is unsettled when a consumer ends, where a nack counts as a delivery without an outcome: it returns as a copy,
  /// which counts nowhere.
  func giveBack(_ all: [HeldDelivery], of queue: QueueName) async {
    let held = all.filter(\.isCurrent)
    if held.isEmpty || session.server.givesBackFreely { return }
    let fitting = held.compactMap { one in
      one.delivery.propertiesOfFittingCopy(one.history, route: one.route).map {
        (one, Copy(properties: $0, body: one.delivery.body, to: Destination(queue: one.queue)))
      }
    }
    let results = await copies.publish(fitting.map(\.1), within: configuration.releaseDeadline)
    var copied: [HeldDelivery] = []
    for ((one, _), result) in zip(fitting, results) {
      if case .confirmed = result {
        copied.append(one)
      } else {
        logger.warning(
          "A message goes back uncopied, which counts as an interruption",
          metadata: ["queue": "\(queue)", "reason": "\(result)"])
      }
    }
    for (_, all) in Dictionary(grouping: copied, by: \.queue) { all[0].pump.acknowledge(all) }
  }

  private func release(_ held: HeldDelivery) async -> Result<SettleResult, BrokerError> {
    await held.pump.waitUntilQuiet()
    return await move(held, held.history, to: Destination(queue: held.queue))
  }

  private func isolate(_ held: HeldDelivery, _ queue: QueueName) async -> Result<SettleResult, BrokerError> {
    do throws(BrokerError) { try await topology.declareSuspects(of: queue) } catch { return .failure(error) }
    // The broker may have counted more: after a power cut a queue offers its messages to all the consumers that are gone, one
    // after the other. Whether it is this message's doing is what handling it alone shows.
    var history = held.history
    history.interruptions = min(history.interruptions, History.interruptionsUntilSuspect)
    return await move(held, history, to: Destination(queue: SystemNames.suspects(of: queue)))
  }

  /// Copies, then acknowledges. It tries until the copy is confirmed or the delivery has gone to another worker.
  private func move(
    _ held: HeldDelivery, _ history: History, to destination: Destination
  ) async -> Result<SettleResult, BrokerError> {
    guard let properties = held.delivery.propertiesOfFittingCopy(history, route: held.route) else {
      return await rejectUncopied(held, "its own headers leave no room in a frame")
    }
    let copy = Copy(properties: properties, body: held.delivery.body, to: destination)
    var patience = Patience(pump: held.pump, limit: configuration.releaseDeadline)
    var obstacle: String?
    while held.isCurrent {
      let why: String
      switch await copies.publish([copy])[0] {
      case .confirmed: return .success(held.acknowledge())
      case .impossible(let error): return await rejectUncopied(held, error.replyText ?? error.message)
      case .unroutable:
        return .failure(
          BrokerError(
            .unroutable, "the queue '\(destination.queue)' is gone, so a message cannot go back to it: declare it again"
          ))
      case .refused:
        why = "the queue '\(destination.queue)' is full or has no majority"
        if held.pump.isStopping { return .failure(BrokerError(.full, why)) }
      case .failed(let error):
        why = error.replyText ?? error.message
        if patience.isOver(after: error) { return .failure(BrokerError(error, doing: "settling")) }
      }
      if why != obstacle { waits(held, "A message cannot go back to its queue yet, will try again", why) }
      obstacle = why
      await patience.pause()
    }
    return .success(.stale)
  }

  /// Publishes to the queue's dead letters, then acknowledges.
  private func park(
    _ held: HeldDelivery, _ queue: QueueName, _ reason: DeadLetterReason, _ history: History
  ) async -> Result<SettleResult, BrokerError> {
    guard let target = known.deadLetterTarget(of: queue) else {
      return .failure(
        BrokerError(
          .unroutable,
          "the queue '\(queue)' holds dead letters and has no dead-letter queue of its own: the message stays in it"))
    }
    let bare = held.delivery.propertiesOfCopy(History(), route: held.route)
    guard let record = HeaderBudget.fit(history, detail: reason.detail, into: bare) else {
      return await rejectUncopied(held, "its own headers leave no room in a frame")
    }
    var properties = held.delivery.propertiesOfCopy(record.history, route: held.route)
    var headers = properties.headers ?? [:]
    headers[HeaderNames.origin] = .string(queue.rawValue)
    headers[HeaderNames.reason] = .string(reason.kind.rawValue)
    headers[HeaderNames.detail] = record.detail.isEmpty ? nil : .string(record.detail)
    headers[HeaderNames.parkedAt] = .int64(session.clock.now.milliseconds)
    properties.headers = headers
    let message = AMQPMessage(
      exchange: target.exchange?.name.rawValue ?? "", routingKey: target.key.rawValue, properties: properties,
      body: held.delivery.body)
    var patience = Patience(pump: held.pump, limit: configuration.releaseDeadline)
    var refusal: String?
    while held.isCurrent {
      var why: String
      var missing: String?
      var isRefusal = true
      switch await session.publish(
        [message], on: session.copyChannel, timeout: configuration.publishDeadline)[0]
      {
      case .confirmed: return .success(held.acknowledge())
      case .unroutable: why = "no queue receives them: apply the topology of '\(queue)' again"
      case .nacked: why = "it is full or has no majority: make room in it"
      case .unknown(let error), .notSent(let error):
        why = error.replyText ?? error.message
        if error.code == .messageTooLarge || (error.largestBody ?? .max) < message.body.readableBytes {
          return await rejectUncopied(held, why)
        }
        if let exchange = target.exchange?.name.rawValue, error.replyText?.contains("no exchange '\(exchange)'") == true
        {
          why = "their exchange is missing: apply the topology of '\(queue)' again"
          missing = exchange
        } else if patience.isOver(after: error) {
          return .failure(BrokerError(error, doing: "dead-lettering"))
        } else {
          isRefusal = false
        }
      }
      // What is missing can be put back, a majority comes back, and so may room. Only a worker that ends gives the message back.
      if isRefusal, held.pump.isStopping { return .failure(Self.impossible(target, why)) }
      if why != refusal { waits(held, "A dead letter was refused, will try again: \(why)", why) }
      refusal = why
      repeat {
        await patience.pause()
        // Looked for elsewhere, as each publish to it closes the channel with the copies of others on it.
      } while await isMissing(missing) && held.isCurrent && !held.pump.isStopping
    }
    return .success(.stale)
  }

  /// The last resort for what no copy can be made of: the queue's own dead-letter exchange takes it as it is. Without one a
  /// rejection would discard it, so it stays, held by this worker until that ends.
  private func rejectUncopied(_ held: HeldDelivery, _ why: String) async -> Result<SettleResult, BrokerError> {
    if await hasDeadLetterExchange(held) {
      waits(held, "A message that cannot be copied goes to the queue's dead-letter exchange as it is", why)
      return .success(held.pump.reject(held))
    }
    waits(held, "A message can neither be copied nor rejected, and stays with this worker", why)
    return .failure(
      BrokerError(
        .unroutable,
        "the message cannot be copied (\(why)), and its queue '\(held.queue)' has no dead-letter exchange that would take it: "
          + "it stays in its queue; give the queue a dead-letter exchange by a policy, or take the message out"))
  }

  private func hasDeadLetterExchange(_ held: HeldDelivery) async -> Bool {
    if held.isSuspect { return false }
    if let own = known.queues[QueueName(held.queue)], !own.isAdopted { return own.deadLetter != nil }
    return await session.management.queue(held.queue)?.deadLetterExchange != nil
  }

  /// Says in the log, and counts, that a settlement does not end as it should.
  private func waits(_ held: HeldDelivery, _ text: String, _ why: String) {
    logger.warning(
      "\(text)",
      metadata: [
        "queue": "\(held.queue)", "message.id": "\(held.delivery.properties.messageID ?? "")", "reason": "\(why)",
      ])
    Counter(label: "warren_settlements_obstructed_total", dimensions: [("queue", held.queue)]).increment()
  }

  private func isMissing(_ exchange: String?) async -> Bool {
    guard let exchange else { return false }
    return (try? await session.hasExchange(exchange)) != true
  }

  private static func impossible(_ target: DeadLetterTarget, _ why: String) -> BrokerError {
    BrokerError(
      .unroutable, "dead letters cannot be put into '\(target.queue)', \(why). The message stays where it was")
  }
}
