internal import AMQP
internal import Logging
internal import NIOCore
public import Warren

extension RabbitMQBroker {
  /// Ends a delivery. What goes elsewhere is copied and confirmed before it is acknowledged, so it may come twice and is
  /// never lost.
  public func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    guard let scope = consumption.scope(delivery.token.scope), let held = scope.take(delivery.token.number),
      held.delivery.isCurrent
    else { return .stale }
    if case .complete = settlement { return held.acknowledge() }
    guard let session = gate.value else { throw BrokerError(.stopped, "the broker was stopped: nothing more is done") }
    let queue = delivery.queue
    let lane = held.lane.queue
    // From here on nothing may be left half done, whoever is cancelled.
    let result: Result<SettleResult, BrokerError> = await uncancelled {
      switch settlement {
      case .complete: .success(held.acknowledge())
      case .release where session.server.givesBackFreely: .success(SettleResult(held.delivery.nack(requeue: true)))
      case .release:
        await self.release(held, to: Destination(queue: lane), session)
      case .retry(let time, let history):
        await self.move(held, history, to: Destination(queue: lane, notBefore: time), session)
      case .postpone(let time):
        await self.move(held, held.history, to: Destination(queue: lane, notBefore: time), session)
      case .isolate: await scope.isolating(from: held.lane) { await self.isolate(held, queue, session) }
      case .deadLetter(let reason, let history): await self.park(held, queue, reason, history, session)
      }
    }
    if case .failure = result { scope.putBack(held, delivery.token.number) }
    return try result.get()
  }

  /// Puts a delivery back into its queue as a copy: one that came by before its time, or a suspect whose deaths are to be counted.
  func putOff(_ held: Held, to destination: Destination, _ session: Session) async {
    if case .failure(let error) = await move(held, held.history, to: destination, session) {
      logger.warning(
        "A message could not be put back into its queue, and stays with this worker", metadata: ["error": "\(error)"])
    }
  }

  private func release(
    _ held: Held, to destination: Destination, _ session: Session
  ) async -> Result<SettleResult, BrokerError> {
    await held.lane.comeToRest()
    return await move(held, held.history, to: destination, session)
  }

  private func isolate(_ held: Held, _ queue: QueueName, _ session: Session) async -> Result<SettleResult, BrokerError>
  {
    do throws(BrokerError) { try await declareSuspects(of: queue, session) } catch { return .failure(error) }
    // The broker may have counted more: after a power cut a queue offers its messages to all the consumers that are gone, one
    // after the other. Whether it is this message's doing is what handling it alone shows.
    var history = held.history
    history.interruptions = min(history.interruptions, History.interruptionsUntilSuspect)
    return await move(held, history, to: Destination(queue: SystemNames.suspects(of: queue)), session)
  }

  /// Copies, then acknowledges. It tries until the copy is confirmed or the delivery has become somebody else's.
  private func move(
    _ held: Held, _ history: History, to destination: Destination, _ session: Session
  ) async -> Result<SettleResult, BrokerError> {
    let properties = held.delivery.propertiesOfCopy(history, route: held.route)
    var patience = Patience(lane: held.lane, limit: configuration.releaseDeadline)
    while held.delivery.isCurrent {
      switch await copy([(properties, held.delivery.body, destination)], session)[0] {
      case .confirmed: return .success(held.acknowledge())
      case .unroutable:
        return .failure(
          BrokerError(
            .unroutable, "the queue '\(destination.queue)' is gone, so a message cannot go back to it: declare it again"
          ))
      case .refused:
        if held.lane.isStopping {
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
    _ held: Held, _ queue: QueueName, _ reason: DeadLetterReason, _ history: History, _ session: Session
  ) async -> Result<SettleResult, BrokerError> {
    guard let target = registry.deadLetterTarget(of: queue) else {
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
    headers[HeaderNames.parkedAt] = .int64(clock.now.milliseconds)
    properties.headers = headers
    let message = AMQPMessage(
      exchange: target.exchange?.name.rawValue ?? "", routingKey: target.key.rawValue, properties: properties,
      body: held.delivery.body)
    var patience = Patience(lane: held.lane, limit: configuration.releaseDeadline)
    var refusal: String?
    while held.delivery.isCurrent {
      var why: String?
      var missing: String?
      switch await session.copies.publish([message], timeout: configuration.publishDeadline)[0] {
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
      if let why, held.lane.isStopping { return .failure(Self.impossible(target, why)) }
      if let why, why != refusal {
        logger.warning("A dead letter was refused, will try again: \(why)", metadata: ["queue": "\(target.queue)"])
        refusal = why
      }
      repeat {
        await patience.pause()
        // Looked for elsewhere, as each publish to it closes the channel with the copies of others on it.
      } while await isMissing(missing, session) && held.delivery.isCurrent && !held.lane.isStopping
    }
    return .success(.stale)
  }

  private func isMissing(_ exchange: String?, _ session: Session) async -> Bool {
    guard let exchange else { return false }
    return (try? await session.hasExchange(exchange)) != true
  }

  private static func impossible(_ target: DeadLetterTarget, _ why: String) -> BrokerError {
    BrokerError(
      .unroutable, "dead letters cannot be put into '\(target.queue)', \(why). The message stays where it was")
  }
}

/// How often, and for how long, a copy is tried again: without end, and for `limit` once the lane was told to stop. What fails
/// mostly passes, and what is not settled comes again.
private struct Patience {
  let lane: Lane
  let limit: Duration
  private var end: ContinuousClock.Instant?
  private var nextPause = Duration.milliseconds(50)

  init(lane: Lane, limit: Duration) {
    self.lane = lane
    self.limit = limit
  }

  /// Whether to give up.
  mutating func isOver(after error: AMQPError) -> Bool {
    let hopeless: Set<AMQPError.Code> = [.connectionClosed, .channelClosed, .messageTooLarge, .invalidArgument]
    if hopeless.contains(error.code) { return true }
    guard lane.isStopping else { return false }
    let end = end ?? .now + limit
    self.end = end
    return .now > end
  }

  /// Waits, longer each time.
  mutating func pause() async {
    // Settling runs uncancelled, so this does not return at once.
    try? await Task.sleep(for: nextPause)
    nextPause = min(nextPause * 2, .seconds(2))
  }
}

extension SettleResult {
  init(_ settlement: AMQPSettlement) { self = settlement == .accepted ? .settled : .stale }
}
