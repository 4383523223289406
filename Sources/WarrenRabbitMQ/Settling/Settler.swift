internal import AMQP
internal import Foundation
internal import Logging
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
    // From here on nothing may be left half done, whichever task is cancelled.
    let result: Result<SettleResult, BrokerError> = await uncancelled {
      switch settlement {
      case .complete: .success(held.acknowledge())
      case .release where session.server.givesBackFreely: .success(held.pump.giveBack(held))
      case .release: await self.release(held)
      case .retry(let time, let history):
        await self.move(held, history, to: Destination(queue: held.queue, notBefore: time))
      case .postpone(let time):
        await self.move(held, held.history, to: Destination(queue: held.queue, notBefore: time))
      case .isolate: await open.isolating(held) { await self.isolate(held, queue) }
      case .deadLetter(let reason, let history): await self.park(held, queue, reason, history)
      }
    }
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

  /// Returns what is unsettled when a consumer ends, where a nack counts as a delivery without an outcome: it returns as a copy,
  /// which counts nowhere.
  func giveBack(_ all: [HeldDelivery], of queue: QueueName) async {
    let held = all.filter(\.isCurrent)
    if held.isEmpty || session.server.givesBackFreely { return }
    let results = await copies.publish(
      held.map { one in
        (
          one.delivery.propertiesOfCopy(one.history, route: one.route), one.delivery.body,
          Destination(queue: one.queue)
        )
      }, within: configuration.releaseDeadline)
    var copied: [HeldDelivery] = []
    for (one, result) in zip(held, results) {
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

  /// Copies, then acknowledges. It tries until the copy is confirmed or the delivery has become somebody else's.
  private func move(
    _ held: HeldDelivery, _ history: History, to destination: Destination
  ) async -> Result<SettleResult, BrokerError> {
    let properties = held.delivery.propertiesOfCopy(history, route: held.route)
    var patience = Patience(pump: held.pump, limit: configuration.releaseDeadline)
    while held.isCurrent {
      switch await copies.publish([(properties, held.delivery.body, destination)])[0] {
      case .confirmed: return .success(held.acknowledge())
      case .unroutable:
        return .failure(
          BrokerError(
            .unroutable, "the queue '\(destination.queue)' is gone, so a message cannot go back to it: declare it again"
          ))
      case .refused:
        if held.pump.isStopping {
          return .failure(BrokerError(.full, "the queue '\(destination.queue)' is full or has no majority"))
        }
      case .failed(let error):
        if patience.isOver(after: error) { return .failure(BrokerError(error, doing: "settling")) }
      }
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
    var properties = held.delivery.propertiesOfCopy(history, route: held.route)
    var headers = properties.headers ?? [:]
    headers[HeaderNames.origin] = .string(queue.rawValue)
    headers[HeaderNames.reason] = .string(reason.kind.rawValue)
    headers[HeaderNames.detail] = reason.detail.isEmpty ? nil : .string(reason.detail)
    headers[HeaderNames.parkedAt] = .int64(session.clock.now.milliseconds)
    properties.headers = headers
    let message = AMQPMessage(
      exchange: target.exchange?.name.rawValue ?? "", routingKey: target.key.rawValue, properties: properties,
      body: held.delivery.body)
    var patience = Patience(pump: held.pump, limit: configuration.releaseDeadline)
    var refusal: String?
    while held.isCurrent {
      var why: String?
      var missing: String?
      switch await session.copyChannel.publish([message], timeout: configuration.publishDeadline)[0] {
      case .confirmed: return .success(held.acknowledge())
      case .unroutable: why = "no queue receives them: apply the topology of '\(queue)' again"
      case .nacked: why = "it is full or has no majority: make room in it"
      case .unknown(let error), .notSent(let error):
        if let exchange = target.exchange?.name.rawValue, error.replyText?.contains("no exchange '\(exchange)'") == true
        {
          why = "their exchange is missing: apply the topology of '\(queue)' again"
          missing = exchange
        } else if patience.isOver(after: error) {
          return .failure(BrokerError(error, doing: "dead-lettering"))
        }
      }
      // What is missing can be put back, a majority comes back, and so may room. Only a worker that ends gives the message back.
      if let why, held.pump.isStopping { return .failure(Self.impossible(target, why)) }
      if let why, why != refusal {
        logger.warning("A dead letter was refused, will try again: \(why)", metadata: ["queue": "\(target.queue)"])
        refusal = why
      }
      repeat {
        await patience.pause()
        // Looked for elsewhere, as each publish to it closes the channel with the copies of others on it.
      } while await isMissing(missing) && held.isCurrent && !held.pump.isStopping
    }
    return .success(.stale)
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
