import CoreMetrics
import Logging
import NIOCore
import NIOSSL
import Synchronization

// From the socket to those who wait.
extension AMQPConnection {
  func socketActive(_ socket: any Channel, _ link: Link) {
    // It was given up while TCP connected.
    guard !link.hasEnded else { return socket.close(promise: nil) }
    link.socket = socket
    link.out.writeBytes(FrameWriter.protocolHeader)
    link.flush()
    link.handshakeTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.handshakeTimeout)) {
      self.assumeIsolated {
        $0.abort(
          link,
          AMQPError(
            .handshakeFailed,
            "The peer accepted the connection and did not finish opening it in time. Check that this is the port for AMQP and not "
              + "the one for the management pages."))
      }
    }
  }

  /// TLS is spoken now, and nothing secret was sent yet.
  func tlsReady(_ certificate: NIOSSLCertificate?, _ link: Link) {
    guard let tls = configuration.tls, let name = link.serverName, !tls.accepts(certificate, for: name) else { return }
    abort(link, AMQPError(.tlsFailed, "The broker's certificate is not one for the name \(name)."))
  }

  func received(_ bytes: ByteBuffer, _ link: Link) {
    guard !link.hasEnded else { return }
    link.heartbeat?.received(.now())
    if link.gate.isHeld { link.gate.received(bytes.readableBytes) }
    // Out of its owner's hands for the time of the loop: Swift checks each access to a shared object's state.
    var decoder = FrameDecoder()
    swap(&decoder, &link.decoder)
    defer { swap(&decoder, &link.decoder) }
    decoder.append(bytes)
    do throws(WireError) {
      // The frames of a message come one behind the other, so the channel is looked up for the first of them.
      var last: ChannelCore?
      while !link.isClosed {
        decoder.frameMax = link.inboundFrameMax
        decoder.isTuned = link.isOpen
        guard let frame = try decoder.next() else { break }
        try handle(frame, link, &last)
      }
    } catch {
      violated(error, link)
    }
  }

  func readComplete(_ link: Link) {
    for consumer in touchedConsumers {
      consumer.isTouched = false
      handOver(consumer, link)
    }
    touchedConsumers.removeAll(keepingCapacity: true)
    openWaiting(link)
    pumpAll(link)
    link.flush()
    if link.gate.isConcerned { updateReading(link) }
    complete()
    if isClosing { closeIfDrained(link) }
  }

  /// Hands over what a read brought.
  func handOver(_ consumer: ConsumerCore, _ link: Link?) {
    guard !consumer.arrived.isEmpty else { return }
    metrics.delivered.increment(by: consumer.arrived.count)
    // Acknowledgements will follow. Looking for them from here saves the task that settles the first one a wake-up.
    if !consumer.noAck, consumer.arrived[0].announceSettlements() { settleSoon() }
    switch consumer.machine.withLock({ $0.deliver(&consumer.arrived) }) {
    case .buffered(let reader, let startsHold):
      reader?.resume()
      if startsHold { link?.gate.hold(ObjectIdentifier(consumer)) }
    case .giveBack(let deliveries): consumer.giveBack(deliveries)
    case .overflow(let reader, let dropped):
      reader?.resume()
      consumer.giveBack(dropped)
      if let link { didNotKeepUp(consumer, link) }
    }
  }

  private func didNotKeepUp(_ consumer: ConsumerCore, _ link: Link) {
    link.gate.release(ObjectIdentifier(consumer))
    logger.error("AMQP consumer did not keep up and was ended", metadata: ["consumer": "\(consumer.tag)"])
    for core in link.channels.values where core.machine.consumers[consumer.tag] === consumer {
      run(core.machine.cancelAtBroker(consumer, now: .now()), core)
    }
  }

  /// Lets the socket be read, or not, as its consumers and those who await an answer need it.
  func updateReading(_ link: Link) {
    let isAwaited =
      isClosing || secrets.isAwaited || !link.abandoned.isEmpty
      || link.channels.values.contains(where: \.machine.isAwaiting)
    if let reads = link.gate.update(isAwaited: isAwaited) { link.setReading(reads) }
  }

  /// A consumer has taken enough, or has ended.
  func releaseReads(_ consumer: ConsumerCore, _ link: Link) {
    // It may be held again by now.
    guard link.gate.isHeld, !consumer.machine.withLock({ $0.isHolding }) else { return }
    link.gate.release(ObjectIdentifier(consumer))
    updateReading(link)
  }

  private func violated(_ error: WireError, _ link: Link) {
    // The loss is a warning with this as its reason.
    logger.debug("AMQP peer broke the protocol", metadata: ["error": "\(error.text)"])
    run(link.machine.violated(error), link)
  }

  // MARK: Frames

  private func handle(_ frame: consuming Frame, _ link: Link, _ last: inout ChannelCore?) throws(WireError) {
    switch consume frame {
    case .method(0, let method):
      last = nil
      run(try link.machine.receive(method), link)
    case .method(let number, let method):
      guard let core = try channel(number, link, &last) else { return receive(method, abandoned: number, link) }
      if method.carriesContent { return try core.machine.assembler.begin(method) }
      try core.machine.assembler.checkIdle()
      switch method {
      case .basicAck(let tag, let multiple): try confirm(tag, multiple, .confirmed, core)
      case .basicNack(let tag, let multiple, _): try confirm(tag, multiple, .nacked, core)
      default:
        // It may end the channel, and its number with it.
        last = nil
        try receive(method, core, link)
      }
    case .header(let number, let size, let properties):
      guard let core = try channel(number, link, &last) else { return }
      if let content = try core.machine.assembler.header(bodySize: size, properties) {
        try handle(content, core, link)
      }
    case .body(let number, let bytes):
      guard let core = try channel(number, link, &last) else { return }
      if let content = try core.machine.assembler.body(bytes) { try handle(content, core, link) }
    case .unreadableHeader(let number, let size, let error):
      guard let core = try channel(number, link, &last) else { return }
      if let content = try core.machine.assembler.unreadableHeader(bodySize: size, error) {
        try handle(content, core, link)
      }
    case .heartbeat: break
    }
  }

  /// The channel of a number; `nil` for one that was given up here and that the broker has not closed yet.
  private func channel(
    _ number: UInt16, _ link: Link, _ last: inout ChannelCore?
  ) throws(WireError) -> ChannelCore? {
    if let last, last.number == number { return last }
    guard let core = link.channels[number] else {
      if link.abandoned[number] != nil { return nil }
      throw .channel("a frame on channel \(number), which is not open")
    }
    last = core
    return core
  }

  /// What the broker sent before it learned of the end means nothing any more.
  private func receive(_ method: Method, abandoned number: UInt16, _ link: Link) {
    guard let actions = link.abandoned[number]?.receive(method) else { return }
    for action in actions {
      switch action {
      case .send(let method): if link.maySend { _ = link.write(method, channel: number) }
      case .free: link.abandoned[number] = nil
      }
    }
  }

  private func receive(_ method: Method, _ core: ChannelCore, _ link: Link) throws(WireError) {
    if case .channelClose(let reason) = method {
      metrics.channelsClosed.increment()
      logger.debug(
        "AMQP channel closed by the broker", metadata: ["code": "\(reason.replyCode)", "text": "\(reason.replyText)"])
    }
    run(try core.machine.receive(method, now: .now(), &completions), core)
  }

  private func handle(_ content: ContentAssembler.Content, _ core: ChannelCore, _ link: Link) throws(WireError) {
    switch content.method {
    case .basicDeliver(let deliver): try handleDelivery(deliver, content, core)
    case .basicReturn(let code, let text, let exchange, let key):
      core.machine.publishing.messageReturned(
        .unroutable(replyCode: code, replyText: text), exchange: exchange, routingKey: key, content.properties)
    case .basicGetOk(let tag, _, _, _, _):
      run(try core.machine.fetched(content, tag, now: .now()), core)
      writeSettlements(core, link)
    default: throw .unexpected("content where none belongs")
    }
  }

  private func handleDelivery(
    _ deliver: BasicDeliver, _ content: ContentAssembler.Content, _ core: ChannelCore
  ) throws(WireError) {
    switch try core.machine.delivered(deliver, isReadable: content.refusal == nil) {
    case .dropped: break
    case .late: _ = core.settle(deliver.deliveryTag, generation: core.ledger.generation, .nack(requeue: true))
    case .delivery(let consumer):
      consumer.arrived.append(
        AMQPDelivery(content: content, info: deliver, core: core, generation: core.ledger.generation))
      if !consumer.isTouched {
        consumer.isTouched = true
        touchedConsumers.append(consumer)
      }
    case .refused:
      logger.error(
        "AMQP message cannot be read and is refused, so that the broker drops or dead-letters it",
        metadata: ["error": content.refusal.map { "\($0)" } ?? "", "consumer": "\(deliver.consumerTag)"])
      _ = core.settle(deliver.deliveryTag, generation: core.ledger.generation, .reject(requeue: false))
    }
  }

  private func confirm(
    _ tag: UInt64, _ multiple: Bool, _ result: AMQPPublishResult, _ core: ChannelCore
  ) throws(WireError) {
    try core.machine.publishing.settled(tag, multiple: multiple, result, &completions)
    if let latency = core.sample.confirmed(
      tag, multiple: multiple, generation: core.ledger.generation, now: .now())
    {
      metrics.confirmLatency.recordNanoseconds(latency.nanoseconds)
    }
    wantPump(core)
  }

  func wantPump(_ core: ChannelCore) {
    guard !core.wantsPump, core.machine.publishing.hasWaiting else { return }
    core.wantsPump = true
    coresToPump.append(core)
  }

  // MARK: Channel 0

  /// Does what the connection's machine decided.
  func run(_ actions: [ConnectionMachine.Action], _ link: Link) {
    for action in actions {
      switch action {
      case .send(let method): if let error = link.write(method, channel: 0) { return abort(link, error.asError) }
      case .opened(let tune): opened(tune, link)
      case .blocked(let reason):
        link.blockedReason = reason
        for core in link.channels.values { core.machine.blocked(true, now: .now()) }
        logger.debug("AMQP connection is blocked", metadata: ["reason": "\(reason)"])
        if case .open = state { stateBox.set(.blocked(reason: reason)) }
      case .unblocked:
        link.blockedReason = nil
        for core in link.channels.values { core.machine.blocked(false, now: .now()) }
        if case .blocked = state { stateBox.set(.open) }
        for core in cores.values { wantPump(core) }
      case .secretTaken: run(secrets.answered())
      case .closeSocket:
        link.flush()
        link.socket?.close(promise: nil)
      }
    }
    link.flush()
  }

  private func opened(_ tune: TuneValues, _ link: Link) {
    link.handshakeTimer?.cancel()
    link.tune = tune
    if link.tune.frameMax == 0 { link.tune.frameMax = UInt32(clamping: configuration.frameMax) }
    link.inboundFrameMax = max(Int(link.tune.frameMax), FrameDecoder.frameMaxBeforeTuning)
    link.isOpen = true
    lastServerProperties = link.machine.serverProperties
    if tune.heartbeat > 0 {
      link.heartbeat = HeartbeatMonitor(interval: .seconds(Int64(tune.heartbeat)), now: .now())
    } else {
      logger.warning("AMQP heartbeats are off: a broker that falls silent is not noticed. Set one on either side.")
    }
    let period = min(link.heartbeat?.period ?? Self.longestHold, Self.longestHold)
    link.heartbeatTimer = eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
      self.assumeIsolated { $0.checkHeartbeat(link) }
    }
    run(secrets.opened())
    link.opened.succeed(())
  }

  /// How long a consumer may hold all reads at a time, whether there are heartbeats or not.
  private static let longestHold = TimeAmount.milliseconds(2500)

  private func checkHeartbeat(_ link: Link) {
    // It may be time to try whether the broker allows more channels.
    if !link.waiting.isEmpty { finishTurn() }
    // While reads are held back a dead broker would not be noticed: what is there is read from time to time.
    let isReading = link.gate.isReading
    if link.gate.isHeld {
      link.gate.letThrough()
      updateReading(link)
    }
    switch link.heartbeat?.check(.now(), listening: isReading) {
    case .send:
      link.out.writeBytes(FrameWriter.heartbeat)
      link.flush()
    case .dead:
      abort(link, AMQPError(.heartbeatTimeout, "The broker was silent for two heartbeat intervals."))
    case .nothing, nil: break
    }
  }

  // MARK: The end of a socket

  /// Ends the socket for a reason of this side's.
  func abort(_ link: Link, _ error: AMQPError) {
    guard !link.hasEnded else { return }
    link.machine.abort(error)
    // Neither what is still unsent nor TLS's own close, which the peer would have to answer, may hold it up.
    if link.socket == nil { socketEnded(link) } else { link.closeAtOnce() }
  }

  /// Ends a link whose socket never came to be.
  func fail(_ link: Link, _ error: AMQPError) {
    link.machine.abort(error)
    socketEnded(link)
  }

  func socketEnded(_ link: Link) {
    guard !link.hasEnded else { return }
    link.hasEnded = true
    let refusal = link.machine.failure == nil ? Self.tlsError(link.underlying, isOpen: link.isOpen) : nil
    link.isOpen = false
    link.stopTimers()
    let reason = refusal ?? link.machine.socketClosed(link.underlying)
    if self.link === link {
      self.link = nil
      let isRefusal = link.machine.closeReason?.isOverSecret == true && !reason.isRetryable
      run(secrets.ended(reason, isRefusal: isRefusal))
    }
    if link.machine.isOverChannelLimit {
      refuseNewChannels(link, reason)
    } else if link.channelsMayOpen {
      leftOut.connectionLost()
    }
    if let close = link.machine.closeReason, !reason.isRetryable { endFatalConsumers(link, close, reason) }
    for core in Array(link.channels.values) { lost(core, reason, over: link.machine.closeReason) }
    link.channels = [:]
    link.abandoned = [:]
    link.waiting.removeAll()
    // The read that ended the connection may not be complete.
    for consumer in touchedConsumers { consumer.isTouched = false }
    touchedConsumers.removeAll()
    complete()
    link.opened.fail(reason)
    link.ended.succeed(reason)
  }
}
