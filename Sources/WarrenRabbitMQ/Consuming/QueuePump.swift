internal import AMQP
internal import Foundation
internal import Logging
internal import Synchronization
internal import Warren

/// Brings the deliveries of one AMQP queue to a consumer for as long as they are wanted: through the loss of connections, the
/// deletion of the queue, pauses. ``PumpMachine`` decides; here it is done.
final class QueuePump: Sendable {
  typealias Machine = PumpMachine<AMQPDelivery>

  /// What a pump needs from others.
  struct Hooks: Sendable {
    /// The arguments of the consumer.
    var arguments: @Sendable () -> AMQPTable
    /// Puts a delivery back, not before a time: one that came too early, or a suspect whose deaths are to be counted.
    var putOff: @Sendable (HeldDelivery, Date?) async -> Void
    /// The queue of the suspects is gone: declares it again.
    var redeclareSuspects: @Sendable () async -> Void
    /// Notes why consuming was interrupted.
    var noteInterruption: @Sendable (any Error) -> Void
  }

  private let session: Session
  private let open: OpenDeliveries
  private let hooks: Hooks
  private let prefetch: UInt16
  private let machine = Watched(Machine())
  private let channel = Mutex<AMQPChannel?>(nil)
  /// The AMQP queue.
  let queue: String
  let isForSuspects: Bool

  init(
    _ session: Session, _ open: OpenDeliveries, _ hooks: Hooks, prefetch: Int, forSuspects: Bool
  ) {
    self.session = session
    self.open = open
    self.hooks = hooks
    self.prefetch = UInt16(clamping: prefetch)
    isForSuspects = forSuspects
    queue = forSuspects ? SystemNames.suspects(of: open.queue) : open.queue.rawValue
  }

  var isSubscribed: Bool { machine.value.phase != .idle }
  var isWanted: Bool { machine.value.isWanted }
  /// Whether nothing comes any more, so that what is left goes back together.
  var isEnded: Bool { machine.value.isEnded }
  /// Whether nothing more is wanted, so that whatever still settles should come to an end.
  var isStopping: Bool { machine.value.isStopping }

  /// Hands out nothing more, or goes on. When it returns after a pause, the broker sends nothing more.
  func setPaused(_ isPaused: Bool) async {
    machine.withValue { $0.setPaused(isPaused) }
    if isPaused { await machine.wait { $0.isQuiet } }
  }

  /// The same for the worker's own pauses; returns at once. A pause and its end that come at once are told in either order: the consumer says what holds.
  func followPause(of consumer: Consumer) { machine.withValue { $0.setPausedByWorker(consumer.pausedUntil != nil) } }

  /// Hands out nothing more, once its worker wants nothing more; returns at once.
  func stop() { machine.withValue { $0.stop() } }

  /// Ends it: when ``run(_:)`` returns, nothing more comes.
  func end() { machine.withValue { $0.end() } }

  /// When nothing more is wanted, waits until the broker sends nothing more: a copy that came into the queue before that could
  /// be sent here for nothing, which would count against it.
  func waitUntilQuiet() async {
    guard session.isReachable else { return }
    await machine.wait { $0.isQuiet }
  }

  // MARK: Settling

  /// Returns when what was settled before has reached the broker. One that is away is not waited for: it forgets all that.
  func makeRoundTrip() async {
    guard session.isReachable, let channel = channel.withLock({ $0 }) else { return }
    _ = try? await channel.queueInfo(queue)
  }

  /// Acknowledges a delivery of this pump, at once or when the subscription has ended. Under the lock, so that nothing that was
  /// decided before an end slips in behind its question.
  func acknowledge(_ held: HeldDelivery) -> SettleResult {
    let postpones = !session.server.givesBackFreely
    return machine.withValue { machine in
      guard held.isCurrent else { return .stale }
      guard machine.mayAcknowledge(held.delivery, of: held.subscription, postponing: postpones) else { return .settled }
      return SettleResult(held.delivery.ack())
    }
  }

  /// Acknowledges deliveries of this pump together, once it has ended: of many single acknowledgements the broker passes on 33
  /// at a time, and forgets the rest when the channel goes.
  func acknowledge(_ all: [HeldDelivery]) {
    channel.withLock { $0 }?.acknowledge(all.map(\.delivery))
  }

  /// Gives a delivery back, where that counts nowhere. At the end of the consumer it goes with all others: see
  /// ``giveBackAndClose()``.
  func giveBack(_ held: HeldDelivery) -> SettleResult {
    if isStopping, held.isCurrent { return .settled }
    return SettleResult(held.delivery.nack(requeue: true))
  }

  /// Gives deliveries back while others of this pump are handled, where that counts nowhere. Of single nacks the broker passes on
  /// 33 at a time, so that fewer are under way. A nack has no answer, and the queue counts others' messages too, so that only time
  /// lets a portion through before the next.
  func giveBack(inPortions all: [HeldDelivery]) async {
    for begin in stride(from: 0, to: all.count, by: 30) {
      if begin > 0 { try? await Task.sleep(for: .milliseconds(20)) }
      for held in all[begin..<min(begin + 30, all.count)] { held.delivery.nack(requeue: true) }
      await makeRoundTrip()
    }
  }

  /// Refuses a delivery, which its queue dead-letters.
  func reject(_ held: HeldDelivery) -> SettleResult { SettleResult(held.delivery.reject(requeue: false)) }

  /// Returns what is not settled, then gives up the channel.
  ///
  /// From 4.3 on one nack returns all of it and counts nowhere. Of single ones the broker passes on 33 at a time, and the end
  /// of the channel makes deaths of the rest: 20 stops in good order, and the delivery limit loses them. Before 4.3 what is left
  /// here is what could not be copied, and counts in any case.
  func giveBackAndClose() async {
    guard let channel = channel.withLock({ $0 }) else { return }
    if session.isReachable {
      channel.giveBackUnsettled(together: session.server.givesBackFreely)
      _ = try? await channel.queueInfo(queue)
    }
    await channel.close()
  }

  // MARK: Consuming

  /// Brings deliveries to the consumer until the pump has ended.
  func run(_ consumer: Consumer) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.bring(to: consumer) }
      await machine.wait { $0.isEnded }
      // A request to a broker that is away would wait for its return.
      if !session.isReachable { group.cancelAll() }
      await group.waitForAll()
    }
  }

  private func bring(to consumer: Consumer) async {
    var pause = Duration.milliseconds(250)
    await withDiscardingTaskGroup { early in
      while true {
        await machine.wait { $0.isWanted || $0.isEnded }
        if machine.value.isEnded || Task.isCancelled { return }
        let begin = ContinuousClock.now
        do {
          try await subscribe { delivery, subscription in
            let held = HeldDelivery(delivery: delivery, pump: self, subscription: subscription)
            let due = self.dueTime(of: delivery)
            if due == nil, !held.isReturned { return held }
            early.addTask { await self.hooks.putOff(held, due) }
            return nil
          } hand: {
            open.noteRefused(consumer.hand($0))
          }
        } catch {
          await interrupted(by: error, consumer)
          // What was long consumed is tried again at once; a queue that is gone is asked for less and less often.
          pause = ContinuousClock.now - begin > .seconds(10) ? .milliseconds(500) : min(pause * 2, .seconds(5))
          if !session.consuming.state.isFinal { try? await Task.sleep(for: pause) }
        }
        // The end of the connection ends the sequence quietly.
        if session.consuming.state.isFinal { return consumer.stop() }
      }
    }
  }

  /// Consumes until that is not wanted any more or fails. `keep` says what of the deliveries is handed out.
  private func subscribe(
    keep: (AMQPDelivery, Int) -> HeldDelivery?, hand: @Sendable ([Delivery]) -> Void
  ) async throws {
    let channel = try await openChannel()
    let deliveries = try await channel.consume(queue, prefetch: prefetch, options: .init(arguments: hooks.arguments()))
    let window = Int(prefetch)
    let subscription = machine.withValue { machine in
      machine.subscribed(window: window)
      return machine.subscription
    }
    let result: Result<Void, any Error>
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await self.unsubscribeWhenSurplus(deliveries, channel) }
        defer { group.cancelAll() }
        var iterator = deliveries.makeAsyncIterator()
        while let batch = try await iterator.nextBatch() {
          let count = batch.count
          machine.withValue { $0.arrived(count) }
          let kept = batch.compactMap { keep($0, subscription) }
          if isForSuspects { await open.waitForIsolations() }
          hand(kept.map { open.add($0) })
        }
        // What was postponed is acknowledged once the broker has agreed.
        if machine.value.phase == .unsubscribing { try await group.waitForAll() }
      }
      result = .success(())
    } catch { result = .failure(error) }
    channel.acknowledge(machine.withValue { $0.unsubscribed() })
    try result.get()
  }

  /// Ends the broker's consumer once nothing more is wanted.
  private func unsubscribeWhenSurplus(_ deliveries: AMQPDeliveries, _ channel: AMQPChannel) async {
    await machine.wait { $0.isSurplus }
    guard machine.withValue({ $0.beginUnsubscribing() }) else { return }
    if !session.server.givesBackFreely { await waitUntilAllHasArrived(channel) }
    await deliveries.stop()
  }

  /// What the last acknowledgements let through is on its way for as long as the queue writes them to its log. It has arrived
  /// when the queue has nothing more to send, or may not send more. A queue that gives its messages to others first need not
  /// come to that, so there is a bound. The broker does not say that it has sent all it may, so the queue is asked.
  private func waitUntilAllHasArrived(_ channel: AMQPChannel) async {
    let end = ContinuousClock.now + .milliseconds(500)
    while session.isReachable, !Task.isCancelled, let info = try? await channel.queueInfo(queue) {
      if machine.value.mayUnsubscribe(ready: info.messageCount) || ContinuousClock.now > end { return }
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Takes back from the worker what was lost with a connection or channel: the broker hands it out again. What was not begun is
  /// not handled here, and the handlers of the rest are cancelled, since nothing that they do can be settled any more.
  func dropLost(_ consumer: Consumer) {
    let lost = open.dropLost()
    if lost.isEmpty { return }
    machine.withValue { $0.lost() }
    let unbegun = consumer.revoke { lost.contains($0.token.number) }
    let begun = consumer.cancelHandlers { lost.contains($0.number) }
    session.logger.info(
      "Deliveries were lost with their connection and come again",
      metadata: [
        "queue": "\(queue)", "deliveries": "\(lost.count)", "not.begun": "\(unbegun.count)",
        "cancelled": "\(begun)",
      ])
  }

  private func interrupted(by error: any Error, _ consumer: Consumer) async {
    let error = error as? AMQPError
    // From 4.3 on a delivery that was held too long costs the consumer, not the channel, and the broker would accept a late
    // acknowledgement of what runs elsewhere by then. Without the channel it is refused here. And a broker that does not answer
    // on a channel, as it does while it asks a frozen leader, is not waited for twice.
    if error?.code == .consumerCancelled || error?.code == .replyTimeout { await dropChannel() }
    dropLost(consumer)
    if let error { hooks.noteInterruption(error) }
    if session.consuming.state.isFinal || Task.isCancelled { return }
    session.logger.warning(
      "Consuming was interrupted, will go on",
      metadata: ["queue": "\(queue)", "error": "\(error?.description ?? "cancelled")"])
    if isForSuspects, error?.replyCode == 404 { await hooks.redeclareSuspects() }
  }

  /// A message on its way through several buckets comes by before its time.
  private func dueTime(of delivery: AMQPDelivery) -> Date? {
    guard let due = delivery.headers[HeaderNames.due]?.integer.map(Date.init(milliseconds:)), due > session.clock.now
    else { return nil }
    return due
  }

  private func openChannel() async throws -> AMQPChannel {
    if let channel = channel.withLock({ $0 }) { return channel }
    let opened = try await session.consuming.openChannel()
    channel.withLock { $0 = opened }
    return opened
  }

  private func dropChannel() async {
    let dropped = channel.withLock { channel in
      defer { channel = nil }
      return channel
    }
    await dropped?.close()
  }
}
