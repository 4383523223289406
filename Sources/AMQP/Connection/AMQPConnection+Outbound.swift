import CoreMetrics
import DequeModule
import NIOCore
import NIOSSL
import Synchronization

// From those who publish and settle to the socket.
extension AMQPConnection {
  /// Has the event loop look into the mailbox.
  nonisolated func wake() {
    eventLoop.execute { self.assumeIsolated { $0.emptyMailbox() } }
  }

  private func emptyMailbox() {
    mailbox.take(&spare)
    for (core, ticket) in spare.publishes { enqueue(ticket, core) }
    if let link, link.isOpen {
      for (core, _) in spare.publishes where !core.pending.isEmpty { pump(core, link) }
      for core in spare.settleNow { writeSettlements(core, link) }
      for consumer in spare.consumersThatTook { releaseReads(consumer, link) }
      link.flush()
      if link.gate.isHeld { updateReading(link) }
    }
    if spare.settleSoon { settleSoon() }
    resumptions.resumeAll(metrics)
  }

  // MARK: Settling

  /// The wait that lets acknowledgements of neighbours share a frame and a write.
  func settleSoon() {
    guard settleTimer == nil else { return }
    settleTimer = eventLoop.scheduleTask(in: SettlementLedger.gathering) { self.assumeIsolated { $0.settleAll() } }
  }

  private func settleAll() {
    settleTimer = nil
    for core in cores.values { core.ledger.withLock { $0.look() } }
    guard let link, link.isOpen else { return }
    for core in link.channels.values { writeSettlements(core, link) }
    link.flush()
  }

  func writeSettlements(_ core: ChannelCore, _ link: Link) {
    guard core.number != 0, !core.hasSaidGoodbye else { return }
    core.ledger.withLock { ledger in
      guard ledger.hasPending else { return }
      metrics.settled.increment(by: ledger.pending)
      ledger.drain(now: .now()) { method in _ = link.write(method, channel: core.number) }
    }
  }

  // MARK: Publishing

  private func enqueue(_ ticket: PublishTicket, _ core: ChannelCore) {
    if case .closed(let error) = core.phase { return refuse(ticket, error) }
    if case .closing = core.phase { return refuse(ticket, Self.channelClosed) }
    if isClosing {
      return refuse(ticket, finalError ?? AMQPError(.connectionClosed, "The connection is being closed."))
    }
    core.pending.append(PublishRun(ticket: ticket, indices: 0..<ticket.count))
    watch(ticket.deadline, core)
  }

  private func refuse(_ ticket: PublishTicket, _ error: AMQPError) {
    complete(PublishRun(ticket: ticket, indices: 0..<ticket.count), .notSent(error))
  }

  /// Sets a result, counted.
  func complete(_ waiter: PublishWaiter, _ result: AMQPPublishResult) {
    switch waiter.ticket.complete(waiter.index, result, &resumptions) {
    case nil, .confirmed?: break
    case .unroutable?: metrics.unroutable.increment()
    case .nacked?: metrics.nacked.increment()
    case .unknown?: metrics.unknown.increment()
    case .notSent?: metrics.notSent.increment()
    }
  }

  /// Sets the result of messages that were not sent.
  func complete(_ run: PublishRun, _ result: AMQPPublishResult) {
    for index in run.indices { complete(PublishWaiter(ticket: run.ticket, index: index), result) }
  }

  /// Writes as many waiting publishes as the windows, the broker and the socket allow.
  func pump(_ core: ChannelCore, _ link: Link) {
    guard core.isReady, !core.pending.isEmpty, mayPublish(core, link) else { return }
    guard core.confirmMode == .on else { return askForConfirms(core, link) }
    while fill(core, link) {
      link.flush()
      guard mayPublish(core, link) else { return }
    }
  }

  /// Writes publishes until none waits or the window is full. Returns true if enough has gathered for a write before that.
  private func fill(_ core: ChannelCore, _ link: Link) -> Bool {
    let first = core.confirms.next
    defer { metrics.published.increment(by: Int(core.confirms.next - first)) }
    while var run = core.pending.popFirst() {
      // Who was cancelled before the turn came wants nothing sent.
      if run.ticket.isAbandoned { continue }
      // Read in place: a copy of a message is a dozen references to count.
      run.ticket.messages.withUnsafeBufferPointer { write($0, of: &run, core, link) }
      if !run.indices.isEmpty {
        core.pending.prepend(run)
        return link.out.readableBytes >= Self.enoughForAWrite
      }
    }
    return false
  }

  private static let enoughForAWrite = 256 << 10

  /// Writes as much of a run as the window takes, or enough for a write.
  private func write(
    _ messages: UnsafeBufferPointer<AMQPMessage>, of run: inout PublishRun, _ core: ChannelCore, _ link: Link
  ) {
    while let index = run.indices.first, link.out.readableBytes < Self.enoughForAWrite,
      core.confirms.hasRoom(for: messages[index].cost, core.options)
    {
      run.indices.removeFirst()
      guard run.ticket.isOpen(index) else { continue }
      let waiter = PublishWaiter(ticket: run.ticket, index: index, isResent: run.isResent)
      do throws(WireError) {
        // Number, waiter and bytes: nothing comes between them.
        try FrameWriter.writePublish(
          messages[index], channel: core.number, isResent: run.isResent, sequence: core.confirms.next,
          frameMax: link.frameMax, to: &link.out)
        core.confirms.append(waiter, bytes: messages[index].cost)
      } catch {
        complete(waiter, .notSent(Self.tooLarge(error)))
      }
    }
  }

  private func mayPublish(_ core: ChannelCore, _ link: Link) -> Bool {
    link.isOpen && link.blockedReason == nil && !core.isFlowStopped && link.socket?.isWritable == true
      && link.machine.state == .open
  }

  private static func tooLarge(_ error: WireError) -> AMQPError {
    AMQPError(
      .messageTooLarge, "The message cannot be sent: \(error.text). Nothing was sent; make its headers smaller.")
  }

  /// Confirm mode belongs to a channel's generation, and is asked for with its first publish.
  private func askForConfirms(_ core: ChannelCore, _ link: Link) {
    guard core.confirmMode == .off else { return }
    core.confirmMode = .asked
    let request = Request { result in
      self.assumeIsolated { connection in
        // Without an answer it is asked for again, which does no harm.
        if core.confirmMode == .asked { core.confirmMode = if case .success = result { .on } else { .off } }
        if let link = connection.link { connection.pump(core, link) }
      }
    }
    submit(.confirmSelect(noWait: false), core, request, timeout: configuration.replyTimeout)
  }

  func becameWritable(_ link: Link) {
    for core in link.channels.values where !core.pending.isEmpty { pump(core, link) }
    link.flush()
    resumptions.resumeAll(metrics)
  }

  // MARK: Deadlines

  /// Sees to it that somebody looks at this time whether a publish has waited for too long.
  func watch(_ deadline: NIODeadline, _ core: ChannelCore) {
    guard deadline < core.nextDeadline else { return }
    core.nextDeadline = deadline
    core.deadlineTimer?.cancel()
    core.deadlineTimer = eventLoop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.expire(core) } }
  }

  private func expire(_ core: ChannelCore) {
    let now = NIODeadline.now()
    var next = NIODeadline.distantFuture
    func isDue(_ waiter: PublishWaiter) -> Bool {
      guard waiter.ticket.isOpen(waiter.index) else { return false }
      if waiter.ticket.deadline <= now { return true }
      next = min(next, waiter.ticket.deadline)
      return false
    }
    var due: [PublishWaiter] = []
    core.confirms.forEach { if isDue($0) { due.append($0) } }
    for waiter in due { complete(waiter, .unknown(Self.confirmTimeout)) }
    var late: [PublishRun] = []
    core.pending.removeAll { run in
      guard run.ticket.deadline <= now else {
        next = min(next, run.ticket.deadline)
        return false
      }
      late.append(run)
      return true
    }
    for run in late { complete(run, run.isResent ? .unknown(Self.confirmTimeout) : .notSent(notSentInTime)) }
    core.nextDeadline = .distantFuture
    core.deadlineTimer = nil
    if next != .distantFuture { watch(next, core) }
    resumptions.resumeAll(metrics)
  }

  private static let confirmTimeout = AMQPError(
    .unknownOutcome,
    "The message was sent, but no confirm came in time: it may be stored or not. A quorum queue without its majority does that. "
      + "Publish it again with the same message id.")

  private var notSentInTime: AMQPError {
    let why =
      switch state {
      case .blocked(let reason): "the broker takes no messages (\(reason))"
      case .recovering: "the connection is lost and not back yet"
      default: "earlier publishes are not confirmed yet"
      }
    return AMQPError(.publishTimeout, "The message was not sent in time, because \(why). It can be published again.")
  }

  // MARK: Errors

  static let channelClosed = AMQPError(.channelClosed, "The channel was closed on this side.")
  static let noFreeChannel = AMQPError(
    .noFreeChannel, "All channels that the broker allows are in use. Close some, or use another connection.")

  /// TLS failures deserve their own words; a peer that just hangs up is not one, as it may be restarting.
  ///
  /// - parameter isOpen: Whether AMQP was open. Until then an alert is a refusal: with TLS 1.3 a broker judges the client's
  ///   certificate when the client has finished its handshake already. Later it is a loss like any other.
  static func tlsError(_ underlying: (any Error)?, isOpen: Bool = false) -> AMQPError? {
    guard let underlying else { return nil }
    switch underlying {
    case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])),
      NIOSSLError.handshakeFailed(.sslError([.eofDuringAdditionalCertficiateChainValidation])):
      return nil
    case NIOSSLError.handshakeFailed, is NIOSSLExtraError: break
    case BoringSSLError.sslError where !isOpen: break
    default: return nil
    }
    return AMQPError(
      .tlsFailed,
      "TLS failed. Check the authorities, the name in the broker's certificate and that it has not expired, the client's "
        + "certificate, the lowest version of TLS, and that the port speaks TLS.",
      underlying: underlying)
  }
}
