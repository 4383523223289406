internal import AMQP
internal import Foundation
internal import Logging
internal import Synchronization
internal import Warren

/// Brings the deliveries of one AMQP queue to a consumer for as long as it is wanted: through the loss of connections, the
/// deletion of the queue, pauses.
final class Lane: Sendable {
  private struct State {
    var isPaused = false
    var isStopped = false
    var isEnded = false
    var current: AMQPDeliveries?
    var channel: AMQPChannel?
    var waiting: CheckedContinuation<Void, Never>?
    /// How many ends of the consumer are under way, and what is to be acknowledged after them.
    var stops = 0
    var postponed: [AMQPDelivery] = []
    var lastAcknowledged = ContinuousClock.now - .seconds(1)

    var isWanted: Bool { !isPaused && !isStopped && !isEnded }
  }
  private let state = Mutex(State())
  private let changes: AsyncStream<Void>
  private let changed: AsyncStream<Void>.Continuation
  private let broker: RabbitMQBroker
  private let session: Session
  private let scope: ConsumerScope
  private let prefetch: UInt16
  /// The AMQP queue.
  let queue: String
  let isForSuspects: Bool

  init(_ broker: RabbitMQBroker, _ session: Session, _ scope: ConsumerScope, prefetch: Int, forSuspects: Bool) {
    self.broker = broker
    self.session = session
    self.scope = scope
    self.prefetch = UInt16(clamping: prefetch)
    isForSuspects = forSuspects
    queue = forSuspects ? SystemNames.suspects(of: scope.queue) : scope.queue.rawValue
    (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  var isConsuming: Bool { state.withLock { $0.current != nil } }
  /// Whether nothing more is wanted, so that whoever still settles should come to an end.
  var isStopping: Bool { state.withLock { $0.isStopped || $0.isEnded } }

  /// The worker wants nothing more; what it holds can still be settled.
  func stop() {
    state.withLock { $0.isStopped = true }
    changed.yield()
  }

  /// Hands out nothing more, or goes on.
  func setPaused(_ isPaused: Bool) async {
    state.withLock { $0.isPaused = isPaused }
    await adjust()
  }

  /// Ends it: when ``run()`` returns, nothing more comes.
  func end() async {
    state.withLock { $0.isEnded = true }
    await adjust()
    changed.finish()
  }

  /// When nothing more is wanted, waits until the broker sends nothing more: a copy that came into the queue before that could
  /// be sent here in vain, which would count against it.
  func comeToRest() async {
    while isReachable, state.withLock({ ($0.isStopped || $0.isEnded) && $0.current != nil }) {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Returns what is not settled, then gives up the channel.
  ///
  /// From 4.3 on one nack returns all of it and counts nowhere. Of single ones the broker passes on 33 at a time, and the end
  /// of the channel makes deaths of the rest: 20 stops in good order, and the delivery limit loses them. Before 4.3 what is left
  /// here is what could not be copied, and counts in any case.
  func giveBackAndClose() async {
    guard let channel = state.withLock({ $0.channel }) else { return }
    if isReachable, channel.giveBackUnsettled() > 0 { _ = try? await channel.queueInfo(queue) }
    await channel.close()
  }

  private func dropChannel() async {
    let channel = state.withLock { state in
      defer { state.channel = nil }
      return state.channel
    }
    await channel?.close()
  }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.bring() }
      for await _ in changes { await adjust() }
      // A request to a broker that is away would wait for its return.
      if !isReachable { group.cancelAll() }
      await group.waitForAll()
    }
  }

  /// Makes what is so into what is wanted.
  private func adjust() async {
    let (surplus, waiting) = state.withLock { state in
      defer { state.waiting = nil }
      return (state.isWanted ? nil : state.current, state.waiting)
    }
    waiting?.resume()
    if let surplus { await stop(surplus) }
  }

  /// Ends the broker's consumer. An acknowledgement makes the queue send more, and what it sends while it is told of the end
  /// it takes back by itself, which before 4.3 counts as a delivery in vain. So nothing more is acknowledged from here on, and
  /// a question about the queue goes behind what is: when that is answered, what the queue had to send has arrived.
  ///
  /// That is so once the queue has dealt with the last acknowledgement, which it writes to its log before it sends more, while
  /// questions are answered without the log. A slow disk was seen to let the answer overtake, hence the pause before.
  private func stop(_ deliveries: AMQPDeliveries) async {
    if session.server.givesBackFreely { return await deliveries.stop() }
    let lastAcknowledged = state.withLock { state in
      state.stops += 1
      return state.lastAcknowledged
    }
    try? await Task.sleep(until: lastAcknowledged + Self.timeOfLog, clock: .continuous)
    await makeRoundTrip()
    await deliveries.stop()
    let postponed = state.withLock { state in
      state.stops -= 1
      if state.stops > 0 { return [AMQPDelivery]() }
      defer { state.postponed = [] }
      return state.postponed
    }
    for delivery in postponed { delivery.ack() }
  }

  /// A generous bound for a write to the broker's disk.
  private static let timeOfLog = Duration.milliseconds(150)

  /// Returns when what was settled before has reached the broker. One that is away is not waited for: it forgets all that.
  func makeRoundTrip() async {
    guard isReachable else { return }
    _ = try? await state.withLock { $0.channel }?.queueInfo(queue)
  }

  private var isReachable: Bool {
    switch session.consuming.state {
    case .open, .blocked: true
    default: false
    }
  }

  /// Acknowledges a delivery of this lane, at once or when the consumer has ended. Under the lock, so that nothing that was
  /// decided before an end slips in behind its question.
  func acknowledge(_ delivery: AMQPDelivery) -> SettleResult {
    state.withLock { state in
      guard state.stops > 0, delivery.isCurrent else {
        if !session.server.givesBackFreely { state.lastAcknowledged = .now }
        return SettleResult(delivery.ack())
      }
      state.postponed.append(delivery)
      return .settled
    }
  }

  private func bring() async {
    await withDiscardingTaskGroup { chores in
      while await isWanted() {
        do {
          let channel = try await openChannel()
          let deliveries = try await channel.consume(
            queue, prefetch: prefetch, options: .init(arguments: broker.consumerArguments(of: scope.queue)))
          if !state.withLock({ state in
            state.current = deliveries
            return state.isWanted
          }) {
            await stop(deliveries)
          }
          defer { state.withLock { $0.current = nil } }
          var iterator = deliveries.makeAsyncIterator()
          while let batch = try await iterator.nextBatch() {
            let ready = batch.filter { delivery in
              let held = Held(delivery, self), due = dueTime(of: delivery)
              if due == nil, !held.isReturned { return true }
              let destination = Destination(queue: queue, notBefore: due)
              chores.addTask { await self.broker.putOff(held, to: destination, self.session) }
              return false
            }
            while isForSuspects, scope.isIsolating { try await Task.sleep(for: .milliseconds(5)) }
            scope.consumer.hand(ready.map { scope.hold($0, self) })
          }
        } catch {
          // From 4.3 on a delivery that was held too long costs the consumer, not the channel, and the broker would accept a late
          // acknowledgement of what runs elsewhere by then. Without the channel it is refused here.
          if (error as? AMQPError)?.code == .consumerCancelled { await dropChannel() }
          // A broker that does not answer on a channel, as it does while it asks a frozen leader, is not waited for twice.
          if (error as? AMQPError)?.code == .replyTimeout { Task { await self.dropChannel() } }
          scope.dropLost()
          broker.noteTimeout(error, scope.queue)
          if session.consuming.state.isFinal { return scope.consumer.stop() }
          if Task.isCancelled { return }
          broker.logger.warning(
            "Consuming was interrupted, will go on", metadata: ["queue": "\(queue)", "error": "\(error)"])
          if isForSuspects, (error as? AMQPError)?.replyCode == 404 {
            broker.registry.forgetSuspects(of: scope.queue)
            try? await broker.declareSuspects(of: scope.queue, session)
          }
          try? await Task.sleep(for: .milliseconds(500))
        }
        // The end of the connection ends the sequence quietly.
        if session.consuming.state.isFinal { return scope.consumer.stop() }
      }
    }
  }

  /// A message on its way through several buckets comes by before its time.
  private func dueTime(of delivery: AMQPDelivery) -> Date? {
    guard let due = delivery.headers[HeaderNames.due]?.integer.map(Date.init(milliseconds:)), due > broker.clock.now
    else { return nil }
    return due
  }

  private func openChannel() async throws -> AMQPChannel {
    if let channel = state.withLock({ $0.channel }) { return channel }
    let channel = try await session.consuming.openChannel()
    state.withLock { $0.channel = channel }
    return channel
  }

  /// Waits until it is wanted; `false` when it never will be again.
  private func isWanted() async -> Bool {
    while true {
      if let answer = state.withLock({ $0.isEnded ? false : $0.isWanted ? true : nil }) { return answer }
      await withCheckedContinuation { continuation in
        let goOn = state.withLock { state in
          if state.isEnded || state.isWanted { return true }
          state.waiting = continuation
          return false
        }
        if goOn { continuation.resume() }
      }
    }
  }
}
