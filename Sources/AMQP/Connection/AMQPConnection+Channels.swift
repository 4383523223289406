import CoreMetrics
import Logging
import NIOCore

// Channels and their requests: what their machines decide is done here.
extension AMQPConnection {
  // MARK: Actions

  func run(_ actions: [ChannelCore.Machine.Action], _ core: ChannelCore) {
    for action in actions {
      switch action {
      case .send(let method): send(method, core)
      case .finish(let request, let result): request.finish(result)
      case .tell(let consumer, let event): tell(consumer, event)
      case .freeNumber: freeNumber(core)
      case .abandonNumber(let abandoned):
        if let link, core.number != 0 { link.abandoned[core.number] = abandoned }
        freeNumber(core)
      case .open: open(core)
      case .openLater(let attempt, let error): openLater(core, attempt, error)
      case .watchAnswer(let time):
        eventLoop.scheduleTask(in: time) {
          self.assumeIsolated { connection in
            connection.run(core.machine.answerIsOverdue(now: .now(), &connection.completions), core)
            connection.finishTurn()
          }
        }
      case .pump:
        noteReady(core)
        wantPump(core)
      case .forget:
        cores[core.id] = nil
        core.openTimer?.cancel()
        core.deadlineTimer?.cancel()
      }
    }
  }

  private func send(_ method: Method, _ core: ChannelCore) {
    guard let link, link.maySend, core.number != 0 else { return }
    if case .channelOpen = method { watchOpening(core) }
    guard let error = link.write(method, channel: core.number) else { return countReply(method, link) }
    let reason = "An argument cannot be sent: \(error.text). Nothing was sent."
    run(core.machine.sendingFailed(AMQPError(.invalidArgument, reason), now: .now()), core)
  }

  /// A peer that asks and asks and does not read the answers would fill the memory with them.
  private func countReply(_ method: Method, _ link: Link) {
    switch method {
    case .channelFlowOk, .basicCancelOk, .channelCloseOk: break
    default: return
    }
    guard link.socket?.isWritable == false else { return }
    link.unreadReplies += 1
    guard link.unreadReplies > Self.mostUnreadReplies else { return }
    abort(link, WireError.command("it asks for \(Self.mostUnreadReplies) answers and reads none").asError)
  }

  private static let mostUnreadReplies = 10_000

  private func tell(_ consumer: ConsumerCore, _ event: ConsumerEvent) {
    // What the same read brought comes before the end, unless the broker sends it again.
    if case .lost = event, !consumer.noAck {} else { handOver(consumer, link) }
    consumer.arrived = []
    consumer.take(event)
    if let link { releaseReads(consumer, link) }
  }

  private func freeNumber(_ core: ChannelCore) {
    if core.number != 0, link?.channels[core.number] === core { link?.channels[core.number] = nil }
    core.number = 0
  }

  /// Flushes what an event outside of a read led to.
  func finishTurn() {
    if let link {
      openWaiting(link)
      pumpAll(link)
      link.flush()
      if link.gate.isConcerned { updateReading(link) }
    }
    complete()
  }

  // MARK: Opening

  func makeCore(id: Int, _ options: AMQPChannelOptions, isInternal: Bool = false) -> ChannelCore {
    ChannelCore(
      id: id,
      ChannelCore.Machine.Options(
        channel: options, maxBodySize: configuration.maxInboundBodySize,
        replyTimeout: TimeAmount(configuration.replyTimeout), isInternal: isInternal),
      mailbox, metrics.stale)
  }

  /// Opens a channel for a user, and waits until it is ready.
  func addChannel(_ options: AMQPChannelOptions) async throws(AMQPError) -> ChannelCore {
    if case .idle = state {
      throw AMQPError(.notRunning, "The connection does not run: call run(), or use withConnection.")
    }
    if let error = finalError { throw error }
    if isClosing { throw AMQPError(.connectionClosed, "The connection is being closed.") }
    let core = makeCore(id: nextCoreID, options)
    nextCoreID += 1
    cores[core.id] = core
    open(core)
    try await becomeReady(core)
    return core
  }

  /// Opens a channel for the connection's own use. It ends with its link.
  func openInternalChannel(on link: Link) async throws(AMQPError) -> ChannelCore {
    guard self.link === link, link.maySend else {
      throw AMQPError(.connectionLost, "The connection was lost.")
    }
    let core = makeCore(id: -1, AMQPChannelOptions(reopens: false), isInternal: true)
    open(core)
    try await becomeReady(core)
    return core
  }

  private func becomeReady(_ core: ChannelCore) async throws(AMQPError) {
    do throws(AMQPError) {
      _ = try await answer(to: .channel(core)) { connection, request in
        connection.run(core.machine.waitUntilReady(request), core)
      }
    } catch {
      end(core, error, quietly: false)
      finishTurn()
      throw error
    }
  }

  /// Opens all channels after the connection came back. Each brings its consumers back by itself, side by side with the
  /// others, as a queue whose leader is away keeps whatever asks for it waiting.
  func reopenChannels(on link: Link) {
    guard self.link === link else { return }
    link.channelsMayOpen = true
    for core in cores.values.sorted(by: { $0.id < $1.id }) { open(core) }
    finishTurn()
  }

  /// Gives the channel a number on the connection and asks the broker to open it.
  private func open(_ core: ChannelCore) {
    // The topology's channel comes before the others.
    guard let link, link.maySend, core.machine.isDown, link.channelsMayOpen || core.isInternal else { return }
    core.openTimer?.cancel()
    let isNew = core.ledger.generation == 0
    let admission = admission(of: core, link)
    if admission == .now, let number = link.freeNumber() { return open(core, number, link) }
    // One that was open before waits for its turn; of a new one the user is told that there is no room.
    if isNew, admission != .later { return end(core, Self.noFreeChannel, quietly: false) }
    if admission == .now || leftOut.channels != .oneByOne { noteWait(core, Self.noFreeChannel) }
    link.waiting.append(core)
  }

  private func open(_ core: ChannelCore, _ number: UInt16, _ link: Link) {
    core.number = number
    link.channels[number] = core
    run(core.machine.open(), core)
    if link.blockedReason != nil { core.machine.blocked(true, now: .now()) }
  }

  /// Opens the channels for which there is room now.
  func openWaiting(_ link: Link) {
    while link.maySend, let core = link.waiting.first {
      guard core.machine.isDown else {
        link.waiting.removeFirst()
        continue
      }
      guard admission(of: core, link) == .now, let number = link.freeNumber() else { return }
      link.waiting.removeFirst()
      open(core, number, link)
    }
  }

  private func admission(of core: ChannelCore, _ link: Link) -> LeftOut.Admission {
    leftOut.admits(
      isNew: core.ledger.generation == 0, beside: link.channelCount, opening: link.openingChannels, .now())
  }

  /// Logs that a channel waits, once for each reason.
  private func noteWait(_ core: ChannelCore, _ reason: AMQPError) {
    logger.log(
      level: core.waitsFor == reason ? .debug : .warning, "AMQP channel does not come back yet",
      metadata: ["reason": "\(reason)"])
    core.waitsFor = reason
  }

  private func noteReady(_ core: ChannelCore) {
    guard core.machine.isReady, let reason = core.waitsFor else { return }
    core.waitsFor = nil
    logger.notice("AMQP channel is back", metadata: ["reason": "\(reason)"])
  }

  private func watchOpening(_ core: ChannelCore) {
    core.openTimer?.cancel()
    core.openTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.replyTimeout)) {
      self.assumeIsolated { connection in
        connection.run(core.machine.openingTimedOut(), core)
        connection.finishTurn()
      }
    }
  }

  /// What is refused passes: a lock of a connection that lingers, a node that is down.
  private func openLater(_ core: ChannelCore, _ attempt: Int, _ reason: AMQPError) {
    noteWait(core, reason)
    let pause = min(Self.longestPause, Self.firstPause * (1 << min(attempt - 1, 10)))
    core.openTimer?.cancel()
    core.openTimer = eventLoop.scheduleTask(in: TimeAmount(pause)) {
      self.assumeIsolated { connection in
        connection.open(core)
        connection.finishTurn()
      }
    }
  }

  private static let firstPause = Duration.milliseconds(100)
  private static let longestPause = Duration.seconds(5)

  // MARK: Requests

  /// The largest frame to write.
  var frameMax: Int { link.flatMap { $0.isOpen ? $0.frameMax : nil } ?? configuration.frameMax }

  /// Sends a request when the channel is ready and its turn comes, and waits for the answer.
  func request(
    _ core: ChannelCore, _ method: Method, timeout: Duration? = nil
  ) async throws(AMQPError) -> Request.Answer {
    // Before it is queued, so that a mistake is this call's error alone.
    try Limit.check(method, frameMax: frameMax)
    return try await answer(to: .channel(core), timeout: timeout) { connection, request in
      // What was settled before the request goes before it.
      if let link = connection.link { connection.writeSettlements(core, link) }
      connection.run(core.machine.submit(method, request, now: .now(), &connection.completions), core)
    }
  }

  /// Starts a consumer, and waits until the broker has agreed.
  func start(_ consumer: ConsumerCore, on core: ChannelCore) async throws(AMQPError) {
    try Limit.check(.basicConsume(consumer.request), frameMax: frameMax)
    _ = try await answer(to: .channel(core)) { connection, request in
      connection.run(core.machine.add(consumer, request, now: .now(), &connection.completions), core)
    }
  }

  private static let cancelled = AMQPError(.cancelled, "The task was cancelled while it waited for the broker.")

  /// What takes a request.
  enum Asked {
    case channel(ChannelCore)
    case secret
  }

  /// Makes an async call out of a request.
  func answer(
    to asked: Asked, timeout: Duration? = nil, _ start: (isolated AMQPConnection, Request) -> Void
  ) async throws(AMQPError) -> Request.Answer {
    let holder = RequestHolder()
    let result: Result<Request.Answer, AMQPError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let request = Request { continuation.resume(returning: $0) }
        holder.request = request
        request.timer = eventLoop.scheduleTask(in: TimeAmount(timeout ?? configuration.replyTimeout)) {
          self.assumeIsolated { $0.giveUp(request, Self.tooLate, asked) }
        }
        start(self, request)
        if Task.isCancelled { giveUp(request, Self.cancelled, asked) }
        finishTurn()
      }
    } onCancel: {
      eventLoop.execute {
        self.assumeIsolated { connection in
          if let request = holder.request { connection.giveUp(request, Self.cancelled, asked) }
        }
      }
    }
    return try result.get()
  }

  private final class RequestHolder: @unchecked Sendable {
    /// Belongs to the event loop.
    var request: Request?
  }

  private func giveUp(_ request: Request, _ error: AMQPError, _ asked: Asked) {
    switch asked {
    case .channel(let core): run(core.machine.giveUp(request, error, now: .now(), &completions), core)
    case .secret: run(secrets.giveUp(request, error))
    }
    finishTurn()
  }

  private static let tooLate = AMQPError(
    .replyTimeout, "The broker did not answer in time, or the connection is not back yet.")

  // MARK: Consumers

  /// Ends a consumer from this side, and waits until the broker has agreed, also if the task was cancelled.
  func leave(_ consumer: ConsumerCore, _ way: ConsumerLeave, _ core: ChannelCore) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let request = Request { _ in done.resume() }
      run(core.machine.leave(consumer, way, request, now: .now()), core)
      if let link { releaseReads(consumer, link) }
      if request.isOpen {
        request.timer = eventLoop.scheduleTask(in: endTimeout) {
          self.assumeIsolated { connection in
            connection.handOver(consumer, connection.link)
            consumer.cancelUnanswered()
          }
          request.finish(.failure(Self.tooLate))
        }
      }
      finishTurn()
    }
  }

  /// The broker closed the connection over a consumer: the next one is not asked for it. Where it cannot be told which of several
  /// it was, all of them are tried again.
  func endFatalConsumers(_ link: Link, _ close: CloseReason, _ error: AMQPError) {
    let asked = link.channels.values.compactMap { core in core.machine.asked.map { (core, $0) } }
    for index in close.consumers(among: asked.map(\.1.request)) {
      let (core, consumer) = asked[index]
      run(core.machine.endConsumer(consumer, error), core)
    }
  }

  // MARK: Ends

  /// How long the end of a channel or consumer waits for the broker's answer. One that has an alarm, or takes no bytes, does not
  /// read the request either.
  private var endTimeout: TimeAmount {
    let isRead = link.map { $0.blockedReason == nil && $0.socket?.isWritable != false } ?? true
    return TimeAmount(isRead ? configuration.replyTimeout : min(configuration.closeTimeout, configuration.replyTimeout))
  }

  /// Closes a channel from this side and waits for the broker's answer, also if the task was cancelled: that is when most
  /// channels are closed.
  func close(_ core: ChannelCore) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let request = Request { _ in done.resume() }
      if let link { writeSettlements(core, link) }
      run(core.machine.close(request, &completions), core)
      for consumer in core.machine.consumers.values { if let link { link.gate.release(ObjectIdentifier(consumer)) } }
      if request.isOpen {
        request.timer = eventLoop.scheduleTask(in: endTimeout) {
          self.assumeIsolated { connection in
            connection.end(core, ChannelCore.Machine.channelClosed, quietly: true)
            connection.finishTurn()
          }
        }
      }
      finishTurn()
    }
  }

  /// The connection is gone.
  func lost(_ core: ChannelCore, _ reason: AMQPError, over close: CloseReason?) {
    core.number = 0
    core.openTimer?.cancel()
    run(core.machine.lost(reason, over: close, mayResend: !isClosing, &completions), core)
  }

  /// Ends a channel for good.
  func end(_ core: ChannelCore, _ error: AMQPError, quietly: Bool) {
    run(core.machine.end(error, quietly: quietly, &completions), core)
  }

  /// Fails the publishes whose turn has not come.
  func failPending(_ core: ChannelCore, _ error: AMQPError) {
    core.machine.publishing.failWaiting(error, &completions)
  }
}
