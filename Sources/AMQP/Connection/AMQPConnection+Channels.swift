import CoreMetrics
import DequeModule
import Logging
import NIOCore
import Synchronization

// Requests, and the lives of channels and consumers.
extension AMQPConnection {
  // MARK: Requests

  /// Sends a request when the channel is ready and its turn comes, and waits for the answer.
  func request(_ core: ChannelCore, _ method: Method) async throws(AMQPError) -> Request.Answer {
    try await answer { connection, request in
      connection.submit(method, core, request, timeout: connection.configuration.replyTimeout)
      return { connection in connection.giveUp(core, request) }
    }
  }

  /// The same for the steps that make a channel ready. `timeout` is the configuration's `replyTimeout`, or `nil`: without end.
  func internalRequest(
    _ core: ChannelCore, _ method: Method, timeout: Duration?
  ) async throws(AMQPError) -> Request.Answer {
    try await answer { connection, request in
      connection.submit(method, core, request, timeout: timeout, evenIfNotReady: true)
      return { connection in connection.giveUp(core, request) }
    }
  }

  func waitUntilReady(_ core: ChannelCore) async throws(AMQPError) {
    _ = try await answer { connection, request in
      connection.whenReady(core, request)
      return { _ in request.finish(.failure(Self.cancelled)) }
    }
  }

  private static let cancelled = AMQPError(.cancelled, "The task was cancelled while it waited for the broker.")

  /// Makes an async call out of a request. `start` returns what to do when the task is cancelled.
  private func answer(
    _ start: (isolated AMQPConnection, Request) -> (@Sendable (isolated AMQPConnection) -> Void)
  ) async throws(AMQPError) -> Request.Answer {
    let holder = CancelHolder()
    let result: Result<Request.Answer, AMQPError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let request = Request { continuation.resume(returning: $0) }
        holder.action = start(self, request)
        if Task.isCancelled { holder.action?(self) }
      }
    } onCancel: {
      eventLoop.execute { self.assumeIsolated { holder.action?($0) } }
    }
    return try result.get()
  }

  private final class CancelHolder: @unchecked Sendable {
    /// Belongs to the event loop.
    var action: (@Sendable (isolated AMQPConnection) -> Void)?
  }

  func submit(
    _ method: Method, _ core: ChannelCore, _ request: Request, timeout: Duration?, evenIfNotReady: Bool = false
  ) {
    if let error = blocker(core, evenIfNotReady) { return request.finish(.failure(error)) }
    // Here rather than where it is written, so that a slip is this call's error alone.
    let frameMax = link.flatMap { $0.isOpen ? $0.frameMax : nil } ?? configuration.frameMax
    do throws(AMQPError) { try Limit.check(method, frameMax: frameMax) } catch {
      return request.finish(.failure(error))
    }
    request.timer = timeout.map { timeout in
      eventLoop.scheduleTask(in: TimeAmount(timeout)) { self.assumeIsolated { $0.timedOut(core, request) } }
    }
    guard core.isReady || evenIfNotReady else { return core.held.append((method, request)) }
    request.id = core.requests.append(method, request)
    if let link {
      // What was settled before the request goes before it.
      writeSettlements(core, link)
      sendNext(core, link)
      link.flush()
      if link.gate.isHeld { updateReading(link) }
    }
  }

  /// Why a request has no chance.
  private func blocker(_ core: ChannelCore, _ evenIfNotReady: Bool) -> AMQPError? {
    if case .closed(let error) = core.phase { return error }
    if case .closing = core.phase { return Self.channelClosed }
    if evenIfNotReady, link == nil || core.number == 0 {
      return AMQPError(.connectionLost, "The connection was lost.")
    }
    return finalError
  }

  private func timedOut(_ core: ChannelCore, _ request: Request) {
    let error = AMQPError(.replyTimeout, "The broker did not answer in time, or the connection is not back yet.")
    drop(core, request)
    request.finish(.failure(error))
  }

  private func giveUp(_ core: ChannelCore, _ request: Request) {
    drop(core, request)
    request.finish(.failure(Self.cancelled))
  }

  /// Forgets a request. One on the wire keeps its place in the line until its answer comes.
  private func drop(_ core: ChannelCore, _ request: Request) {
    guard request.isOpen else { return }
    core.held.removeAll { $0.1 === request }
    core.readyWaiters.removeAll { $0 === request }
    _ = core.requests.abandon(request.id)
  }

  func sendNext(_ core: ChannelCore, _ link: Link) {
    // After the goodbye anything else would be a frame on a channel that is not open.
    guard !core.hasSaidGoodbye else { return }
    while let method = core.requests.next() {
      if case .basicGet(_, let noAck) = method { core.isGetAcknowledged = !noAck }
      send(method, core, link)
    }
  }

  func send(_ method: Method, _ core: ChannelCore, _ link: Link) {
    if let slip = link.write(method, channel: core.number) { abort(link, slip.asError) }
  }

  private func whenReady(_ core: ChannelCore, _ request: Request) {
    if case .closed(let error) = core.phase { return request.finish(.failure(error)) }
    if core.isReady { return request.finish(.success(Request.Answer(method: .channelOpenOk))) }
    request.timer = eventLoop.scheduleTask(in: TimeAmount(configuration.replyTimeout)) {
      self.assumeIsolated { $0.timedOut(core, request) }
    }
    core.readyWaiters.append(request)
  }

  // MARK: Opening

  /// Gives the channel a number on this link.
  func takeNumber(_ core: ChannelCore, _ link: Link) -> Bool {
    guard let number = link.freeNumber() else { return false }
    core.number = number
    core.phase = .opening
    core.isOpenOnWire = false
    core.hasSaidGoodbye = false
    link.channels[number] = core
    return true
  }

  /// Opens a channel while the connection is open.
  func open(_ core: ChannelCore) {
    guard let link, link.isOpen else { return }
    guard takeNumber(core, link) else { return abandon(core, Self.noFreeChannel) }
    let request = Request { result in
      self.assumeIsolated { connection in
        switch result {
        case .success:
          core.isOpenOnWire = true
          // It may have been closed on this side meanwhile.
          if case .opening = core.phase { connection.becomeReady(core) }
        case .failure(let error):
          // A lost connection has its own way back.
          if case .opening = core.phase { connection.abandon(core, error) }
        }
      }
    }
    submit(.channelOpen, core, request, timeout: configuration.replyTimeout, evenIfNotReady: true)
  }

  func becomeReady(_ core: ChannelCore) {
    core.phase = .ready
    let held = core.held
    core.held = []
    for (method, request) in held where request.isOpen { request.id = core.requests.append(method, request) }
    for waiter in core.readyWaiters { waiter.finish(.success(Request.Answer(method: .channelOpenOk))) }
    core.readyWaiters = []
    // Those who were given up while they were being brought back.
    for consumer in core.consumers.values where consumer.isLeaving { sendCancel(consumer, core) }
    guard let link else { return }
    sendNext(core, link)
    pump(core, link)
    link.flush()
  }

  // MARK: Consumers

  func addConsumer(_ consumer: ConsumerCore, to core: ChannelCore) async throws(AMQPError) {
    let tag = consumer.tag
    if let other = core.consumers[tag] {
      // The broker would close the connection for it.
      throw AMQPError(
        .invalidArgument, "The channel has a consumer of this tag already. Cancel it first, or choose another tag.",
        isRetryable: other.isLeaving)
    }
    // Registered before the request is sent: the first deliveries may come with the answer.
    core.consumers[tag] = consumer
    do throws(AMQPError) {
      try await waitUntilReady(core)
      try await subscribe(consumer, on: core, timeout: configuration.replyTimeout)
    } catch {
      // The request may be with the broker: what it delivers is given back until it has confirmed the end.
      await leave(consumer, core, consumer.machine.withLock { $0.cancel() })
      throw error
    }
  }

  /// Without a time limit, so that it keeps its turn however busy the broker is: the consumer lives until it was sent.
  func sendCancel(_ consumer: ConsumerCore, _ core: ChannelCore, _ request: Request = Request { _ in }) {
    submit(.basicCancel(consumerTag: consumer.tag, noWait: false), core, request, timeout: nil)
  }

  /// Whether the consumer is still wanted: it may have been ended while something was waited for.
  private func isWanted(_ consumer: ConsumerCore, _ core: ChannelCore) -> Bool {
    core.consumers[consumer.tag] === consumer && !consumer.isLeaving
  }

  /// The prefetch of a channel counts for consumers that come after it, so it goes in front of each.
  func subscribe(_ consumer: ConsumerCore, on core: ChannelCore, timeout: Duration?) async throws(AMQPError) {
    guard isWanted(consumer, core) else { throw Self.consumerEnded }
    guard consumer.machine.withLock({ $0.subscribe() }) else { return }
    let generation = core.generation
    // Several consumers of a channel: each has its own prefetch, and any of them may run dry.
    if !consumer.noAck {
      core.ledger.withLock {
        $0.window = $0.window == 0 ? Int(consumer.prefetch) : min($0.window, Int(consumer.prefetch))
      }
      _ = try await internalRequest(
        core, .basicQos(prefetchSize: 0, prefetchCount: consumer.prefetch, global: false), timeout: timeout)
      guard isWanted(consumer, core), core.generation == generation else { throw Self.consumerEnded }
    }
    _ = try await internalRequest(core, .basicConsume(consumer.request), timeout: timeout)
    if core.generation == generation { consumer.machine.withLock { $0.subscribed() } }
  }

  private static let consumerEnded = AMQPError(
    .channelClosed, "The consumer was ended, or its channel was closed, before it began: consume again.",
    isRetryable: true)

  /// Ends a consumer from this side: the broker stops, what was not handed out goes back, the sequence ends.
  func cancel(_ consumer: ConsumerCore, _ core: ChannelCore) async {
    await leave(consumer, core, consumer.machine.withLock { $0.cancel() })
  }

  /// Ends a consumer from this side, and hands out what the broker had sent until it agreed.
  func stop(_ consumer: ConsumerCore, _ core: ChannelCore) async {
    await leave(consumer, core, consumer.machine.withLock { $0.stop() })
  }

  /// Asks the broker to send no more. The consumer is known until the broker has agreed, however long that takes and whether
  /// or not the task that asks was cancelled: until then there may be deliveries under way.
  private func leave(_ consumer: ConsumerCore, _ core: ChannelCore, _ leaving: ConsumerCore.Machine.Leaving) async {
    if let link { releaseReads(consumer, link) }
    switch leaving {
    case .isOver: return
    case .atOnce(let ending):
      consumer.run(ending)
      if case .ended = consumer.machine.withLock({ $0.state }), core.consumers[consumer.tag] === consumer {
        core.consumers[consumer.tag] = nil
      }
    case .send(let waits, let ending):
      consumer.run(ending)
      // While the channel is brought back the broker may know the consumer already: it is told once the channel is ready.
      guard core.isReady else { return consumer.run(consumer.machine.withLock { $0.unanswered() }) }
      guard waits else { return sendCancel(consumer, core) }
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        let request = Request { _ in done.resume() }
        sendCancel(consumer, core, request)
        guard request.isOpen else { return }
        request.timer = eventLoop.scheduleTask(in: TimeAmount(configuration.replyTimeout)) {
          request.finish(.failure(Self.consumerEnded))
        }
      }
      handOver(consumer, link)
      consumer.run(consumer.machine.withLock { $0.unanswered() })
    }
  }

  /// The broker agreed to a consumer's end.
  func hasLeft(_ tag: String, _ core: ChannelCore) {
    guard let consumer = core.consumers[tag], consumer.isLeaving else { return }
    core.consumers[tag] = nil
    handOver(consumer, link)
    consumer.run(consumer.machine.withLock { $0.agreed() })
  }

  /// Ends a consumer for a reason of the broker's, or with its channel.
  func endConsumer(_ consumer: ConsumerCore, _ result: Result<Void, AMQPError>, keepsBuffer: Bool = false) {
    // What the same read brought comes before the end.
    handOver(consumer, link)
    consumer.arrived = []
    consumer.run(consumer.machine.withLock { $0.end(result, keepsBuffer: keepsBuffer) })
    if let link { releaseReads(consumer, link) }
  }

  // MARK: Closing

  /// Closes a channel from this side and waits for the broker's word, also if the task was cancelled: that is when most
  /// channels are closed.
  func close(_ core: ChannelCore) async {
    switch core.phase {
    case .closed, .closing: return
    case .down: return end(core, Self.channelClosed, quietly: true)
    case .opening, .ready: break
    }
    guard let link else { return end(core, Self.channelClosed, quietly: true) }
    writeSettlements(core, link)
    core.phase = .closing
    failPending(core, Self.channelClosed)
    resumptions.resumeAll(metrics)
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let request = Request { _ in done.resume() }
      core.goodbye = request
      request.timer = eventLoop.scheduleTask(in: TimeAmount(configuration.replyTimeout)) {
        request.finish(.failure(Self.channelClosed))
      }
      // Not behind other requests, which may never be answered.
      sayGoodbye(core, link)
      link.flush()
      if link.gate.isHeld { updateReading(link) }
    }
    end(core, Self.channelClosed, quietly: true)
  }

  private func sayGoodbye(_ core: ChannelCore, _ link: Link) {
    core.hasSaidGoodbye = true
    send(.channelClose(CloseReason(replyCode: 200, replyText: "")), core, link)
  }

  /// The broker agreed to the end of a channel.
  func saidGoodbye(_ core: ChannelCore) throws(WireError) {
    guard core.hasSaidGoodbye else { throw .command("an agreement to a close that nobody asked for") }
    release(core)
    core.goodbye?.finish(.success(Request.Answer(method: .channelCloseOk)))
  }

  /// A method for a channel that is closed on this side while the broker has not said its last word. What it sent before
  /// it learned of the end means nothing any more.
  func late(_ method: Method, _ core: ChannelCore, _ link: Link) throws(WireError) {
    switch method {
    case .channelCloseOk: try saidGoodbye(core)
    case .channelClose:
      send(.channelCloseOk, core, link)
      if !core.hasSaidGoodbye { release(core) }
    // Whoever asked for the channel gave up waiting.
    case .channelOpenOk: if !core.hasSaidGoodbye { sayGoodbye(core, link) }
    default: break
    }
  }

  /// Frees the number once both sides said goodbye.
  private func release(_ core: ChannelCore) {
    guard core.number != 0 else { return }
    if link?.channels[core.number] === core { link?.channels[core.number] = nil }
    core.number = 0
  }

  /// Drops a channel that never opened. Its number stays taken until the broker has answered.
  func abandon(_ core: ChannelCore, _ error: AMQPError) {
    end(core, error, quietly: false)
    if core.isOpenOnWire, !core.hasSaidGoodbye, let link, core.number != 0 {
      sayGoodbye(core, link)
      link.flush()
    }
  }

  /// The broker closed the channel: everybody who waits learns why, then it opens again for those who come after.
  func serverCloses(_ core: ChannelCore, _ reason: CloseReason, _ link: Link) {
    send(.channelCloseOk, core, link)
    metrics.channelsClosed.increment()
    let error = AMQPError(
      .channelClosedByServer, Self.advice(reason.replyCode), replyCode: reason.replyCode, replyText: reason.replyText,
      isRetryable: reason.isTransient)
    let wasClosing = if case .closing = core.phase { true } else { false }
    let outstanding = core.confirms.outstanding
    let isPublish = reason.classID == 60 && reason.methodID == 40
    for waiter in core.confirms.reset() {
      // A single publish that the broker itself names as the cause was not stored.
      let isCulprit = isPublish && outstanding == 1
      complete(waiter, isCulprit ? .notSent(error) : .unknown(error.asUnknownOutcome()))
    }
    // If both sides close, the broker still answers our own goodbye.
    if !core.hasSaidGoodbye { release(core) }
    core.startGeneration()
    core.phase = .down
    for request in core.requests.removeAll() { request.finish(.failure(error)) }
    for consumer in core.consumers.values { endConsumer(consumer, .failure(error)) }
    core.consumers = [:]
    resumptions.resumeAll(metrics)
    if wasClosing || !core.options.reopens { return end(core, error, quietly: false) }
    logger.debug("AMQP channel closed by the broker", metadata: ["error": "\(error)"])
    open(core)
  }

  private static func advice(_ code: UInt16) -> String {
    switch code {
    case 403: "The user may not do this. Give it the permission on the virtual host, or another consumer is exclusive."
    case 404: "The queue or exchange does not exist. Declare it first."
    case 405: "The queue is exclusive to another connection, perhaps one that lingers: try again in a moment."
    case 406: "What was asked contradicts what is there, such as a queue with other arguments."
    default: "The broker closed the channel."
    }
  }

  /// The connection is gone: what was under way fails, what can wait waits for the next one.
  func lost(_ core: ChannelCore, _ reason: AMQPError) {
    core.number = 0
    core.isOpenOnWire = false
    core.hasSaidGoodbye = false
    core.startGeneration()
    let wasClosing = if case .closing = core.phase { true } else { false }
    if case .closed = core.phase {} else { core.phase = .down }
    let unknown = reason.asUnknownOutcome()
    var again: [PublishRun] = []
    for waiter in core.confirms.reset() {
      let isKnown = waiter.message.properties.messageID != nil
      if core.options.resendsUnknown, isKnown, waiter.ticket.isOpen(waiter.index), !isClosing, !wasClosing {
        again.append(PublishRun(ticket: waiter.ticket, indices: waiter.index..<waiter.index + 1, isResent: true))
      } else {
        complete(waiter, .unknown(unknown))
      }
    }
    if !again.isEmpty {
      metrics.resent.increment(by: again.count)
      core.pending.insert(contentsOf: again, at: 0)
    }
    for request in core.requests.removeAll() { request.finish(.failure(reason)) }
    for consumer in core.consumers.values {
      consumer.isTouched = false
      // The broker sends the others again.
      if consumer.noAck { handOver(consumer, nil) }
      consumer.arrived = []
      consumer.run(consumer.machine.withLock { $0.lost() })
    }
    // What was on the way out is out.
    core.consumers = core.consumers.filter { !$0.value.isLeaving }
    if wasClosing || core.id < 0 { end(core, reason, quietly: true) }
  }

  /// Ends a channel for good.
  func end(_ core: ChannelCore, _ error: AMQPError, quietly: Bool) {
    cores[core.id] = nil
    if case .closed = core.phase { return }
    core.phase = .closed(error)
    core.startGeneration()
    core.deadlineTimer?.cancel()
    failPending(core, error)
    for waiter in core.confirms.reset() { complete(waiter, .unknown(error.asUnknownOutcome())) }
    for request in core.requests.removeAll() { request.finish(.failure(error)) }
    for (_, request) in core.held { request.finish(.failure(error)) }
    for request in core.readyWaiters { request.finish(.failure(error)) }
    core.goodbye?.finish(.failure(error))
    core.goodbye = nil
    core.held = []
    core.readyWaiters = []
    for consumer in core.consumers.values { endConsumer(consumer, quietly ? .success(()) : .failure(error)) }
    core.consumers = [:]
    resumptions.resumeAll(metrics)
  }

  /// Fails the publishes whose turn has not come.
  func failPending(_ core: ChannelCore, _ error: AMQPError) {
    for run in core.pending { complete(run, run.isResent ? .unknown(error.asUnknownOutcome()) : .notSent(error)) }
    core.pending = []
  }
}

extension ChannelCore {
  /// Notes a delivery in the ledger.
  func noteDelivery(_ tag: UInt64, needsAck: Bool) throws(WireError) {
    let result = ledger.withLock { ledger in
      Result { () throws(WireError) in try ledger.delivered(tag, needsAck: needsAck) }
    }
    try result.get()
  }
}
