import CoreMetrics
import DequeModule
import NIOCore
import NIOSSL
import Synchronization

// From those who publish and settle to the socket.
extension AMQPConnection {
  /// Takes what other threads have left.
  func emptyMailbox() {
    mailbox.take(&spare)
    for (core, ticket) in spare.publishes { enqueue(ticket, core) }
    if let link, link.isOpen {
      for (core, _) in spare.publishes where core.machine.publishing.hasWaiting { pump(core, link) }
      for core in spare.settleNow { writeSettlements(core, link) }
      for consumer in spare.consumersThatTook { releaseReads(consumer, link) }
      link.flush()
      if link.gate.isConcerned { updateReading(link) }
    }
    if spare.settleSoon { settleSoon() }
    complete()
  }

  /// Resumes those whose publishes are settled, and counts them.
  func complete() {
    if completions.isEmpty { return }
    if completions.confirmed > 0 { metrics.confirmed.increment(by: completions.confirmed) }
    if completions.resent > 0 { metrics.resent.increment(by: completions.resent) }
    if completions.hasFailures {
      metrics.unroutable.increment(by: completions.unroutable)
      metrics.nacked.increment(by: completions.nacked)
      metrics.unknown.increment(by: completions.unknown)
      metrics.notSent.increment(by: completions.notSent)
    }
    completions.resumeAll()
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
    guard core.machine.isOpen, link.maySend else { return }
    core.ledger.withLock { ledger in
      guard ledger.hasPending else { return }
      metrics.settled.increment(by: ledger.pending)
      ledger.drain(now: .now()) { method in _ = link.write(method, channel: core.number) }
    }
  }

  // MARK: Publishing

  private func enqueue(_ ticket: PublishTicket, _ core: ChannelCore) {
    if let error = core.machine.refusal ?? closingError {
      for index in 0..<ticket.count { ticket.complete(index, .notSent(error), &completions) }
      return
    }
    core.machine.publishing.append(ticket)
    watch(ticket.deadline, core)
  }

  /// Why nothing more is sent, if this side has begun to close the connection.
  var closingError: AMQPError? {
    guard isClosing else { return nil }
    return finalError ?? AMQPError(.connectionClosed, "The connection is being closed.")
  }

  /// Writes as many waiting publishes as the windows, the broker and the socket allow.
  func pump(_ core: ChannelCore, _ link: Link) {
    guard core.machine.isReady, core.machine.publishing.hasWaiting, mayPublish(link) else { return }
    if core.machine.publishing.confirmMode == .off { run(core.machine.askForConfirmMode(now: .now()), core) }
    let first = core.machine.publishing.next
    while core.machine.publishing.write(
      to: &link.out, channel: core.number, frameMax: link.frameMax, &completions)
    {
      link.flush()
      guard mayPublish(link) else { break }
    }
    let next = core.machine.publishing.next
    guard next > first else { return }
    metrics.published.increment(by: Int(next - first))
    core.sample.wrote(next - 1, generation: core.ledger.generation, now: .now())
  }

  /// Writes the publishes of the channels for which something happened that may let them through.
  func pumpAll(_ link: Link) {
    // Writing may bring others here.
    while let core = coresToPump.popLast() {
      core.wantsPump = false
      pump(core, link)
    }
  }

  private func mayPublish(_ link: Link) -> Bool {
    link.maySend && link.blockedReason == nil && link.socket?.isWritable == true
  }

  func becameWritable(_ link: Link) {
    link.unreadReplies = 0
    for core in link.channels.values where core.machine.publishing.hasWaiting { pump(core, link) }
    link.flush()
    complete()
  }

  // MARK: Deadlines

  /// Has the channel looked at at this time, to see whether a publish has waited for too long.
  func watch(_ deadline: NIODeadline, _ core: ChannelCore) {
    guard deadline < core.nextDeadline else { return }
    core.nextDeadline = deadline
    core.deadlineTimer?.cancel()
    core.deadlineTimer = eventLoop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.expire(core) } }
  }

  private func expire(_ core: ChannelCore) {
    core.nextDeadline = .distantFuture
    core.deadlineTimer = nil
    let next = core.machine.publishing.expire(.now(), notSent: notSentInTime, &completions)
    run(core.machine.publishesExpired(now: .now(), &completions), core)
    if let next { watch(next, core) }
    if let link {
      // Places in the window may be free now.
      pump(core, link)
      link.flush()
    }
    complete()
  }

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
