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
        $0.abort(link, AMQPError(.handshakeFailed, "The broker did not finish opening the connection in time."))
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
    for core in coresToPump {
      core.wantsPump = false
      pump(core, link)
    }
    coresToPump.removeAll(keepingCapacity: true)
    link.flush()
    if link.gate.isHeld { updateReading(link) }
    resumptions.resumeAll(metrics)
    if isClosing { closeIfDrained(link) }
  }

  /// Hands over what a read brought.
  func handOver(_ consumer: ConsumerCore, _ link: Link?) {
    guard !consumer.arrived.isEmpty else { return }
    metrics.delivered.increment(by: consumer.arrived.count)
    // Acknowledgements will follow. Looking for them from here saves whoever settles the first one a wake-up.
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
    for core in link.channels.values where core.consumers[consumer.tag] === consumer { sendCancel(consumer, core) }
  }

  /// Lets the socket be read, or not, as its consumers and those who await an answer need it.
  func updateReading(_ link: Link) {
    if let reads = link.gate.update(isAwaited: link.channels.values.contains { $0.isAwaiting }) {
      link.setReading(reads)
    }
  }

  /// A consumer has taken enough, or has ended.
  func releaseReads(_ consumer: ConsumerCore, _ link: Link) {
    // It may be held again by now.
    guard link.gate.isHeld, !consumer.machine.withLock({ $0.isHolding }) else { return }
    link.gate.release(ObjectIdentifier(consumer))
    updateReading(link)
  }

  private func violated(_ error: WireError, _ link: Link) {
    logger.warning("AMQP peer broke the protocol", metadata: ["error": "\(error.text)"])
    run(link.machine.violated(error), link)
  }

  // MARK: Frames

  private func handle(_ frame: consuming Frame, _ link: Link, _ last: inout ChannelCore?) throws(WireError) {
    switch consume frame {
    case .method(0, let method):
      last = nil
      run(try link.machine.receive(method), link)
    case .method(let number, let method):
      let core = try channel(number, link, &last)
      if core.isClosed {
        last = nil
        try late(method, core, link)
      } else if method.carriesContent {
        try core.assembler.begin(method)
      } else {
        // It may end the channel, and its number with it.
        last = nil
        try core.assembler.checkIdle()
        try handle(method, core, link)
      }
    case .header(let number, let size, let properties):
      let core = try channel(number, link, &last)
      if core.isClosed { return }
      if let content = try core.assembler.header(bodySize: size, properties) { try handle(content, core, link) }
    case .body(let number, let bytes):
      let core = try channel(number, link, &last)
      if core.isClosed { return }
      if let content = try core.assembler.body(bytes) { try handle(content, core, link) }
    case .unreadableHeader(_, _, let error): throw error
    case .heartbeat: break
    }
  }

  private func channel(
    _ number: UInt16, _ link: Link, _ last: inout ChannelCore?
  ) throws(WireError) -> ChannelCore {
    if let last, last.number == number { return last }
    guard let core = link.channels[number] else { throw .channel("a frame on channel \(number), which is not open") }
    last = core
    return core
  }

  private func handle(_ content: ContentAssembler.Content, _ core: ChannelCore, _ link: Link) throws(WireError) {
    switch content.method {
    case .basicDeliver(let deliver): try handleDelivery(deliver, content, core)
    case .basicReturn(let code, let text, let exchange, let key):
      handleReturn(code, text, exchange, key, content.properties, core)
    case .basicGetOk(let tag, _, _, _, _):
      let request = try core.requests.answer(content.method)
      try core.noteDelivery(tag, needsAck: core.isGetAcknowledged)
      // Nobody waits for it any more: back to the queue with it.
      if request == nil, core.isGetAcknowledged {
        let urgency = core.ledger.withLock {
          $0.settle(tag, generation: $0.generation, .nack(requeue: true), now: .now()).urgency
        }
        writeSettlements(core, link)
        if urgency == .soon { settleSoon() }
      }
      request?.finish(
        .success(Request.Answer(method: content.method, content: content, generation: core.generation)))
      sendNext(core, link)
    default: throw .unexpected("content where none belongs")
    }
  }

  private func handleDelivery(
    _ deliver: BasicDeliver, _ content: ContentAssembler.Content, _ core: ChannelCore
  ) throws(WireError) {
    // Nobody will take it any more, and the broker gives it to others.
    if case .closing = core.phase { return }
    guard let consumer = core.consumer(deliver.consumerTag) else {
      throw .command("a delivery for a consumer that is unknown")
    }
    try core.noteDelivery(deliver.deliveryTag, needsAck: !consumer.noAck)
    let delivery = AMQPDelivery(
      content: content, info: deliver, channel: AMQPChannel(connection: self, core: core), generation: core.generation)
    consumer.arrived.append(delivery)
    if !consumer.isTouched {
      consumer.isTouched = true
      touchedConsumers.append(consumer)
    }
  }

  /// A return comes before the confirm of its publish. It carries no number, so the publish is found by ours in the headers,
  /// or by message id, exchange and key. Returns come in the order of publishes, so the first match is the one.
  private func handleReturn(
    _ code: UInt16, _ text: String, _ exchange: String, _ key: String, _ properties: AMQPProperties, _ core: ChannelCore
  ) {
    let result = AMQPPublishResult.unroutable(replyCode: code, replyText: text)
    let waiter: PublishWaiter?
    if let id = properties.messageID {
      waiter =
        core.confirms.first { waiter in
          let message = waiter.message
          return message.mandatory && message.properties.messageID == id && message.routingKey == key
            && message.exchange == exchange && !waiter.ticket.isReturned(waiter.index)
        }?.waiter
    } else if let number = properties.headers?[PropertiesCodec.sequenceHeader]?.integer {
      waiter = core.confirms.waiter(of: UInt64(bitPattern: number))
    } else {
      waiter = nil
    }
    guard let waiter else { return }
    waiter.ticket.returned(waiter.index, result)
  }

  private func handle(_ method: Method, _ core: ChannelCore, _ link: Link) throws(WireError) {
    switch method {
    case .basicAck(let tag, let multiple): try confirm(tag, multiple, .confirmed, core)
    case .basicNack(let tag, let multiple, _): try confirm(tag, multiple, .nacked, core)
    case .channelClose(let reason): serverCloses(core, reason, link)
    case .channelFlow(let active):
      core.isFlowStopped = !active
      send(.channelFlowOk(active: active), core, link)
      if active { wantPump(core) }
    case .basicCancel(let tag, let noWait):
      if !noWait { send(.basicCancelOk(consumerTag: tag), core, link) }
      if let consumer = core.consumers.removeValue(forKey: tag) {
        let why =
          "The broker cancelled the consumer: its queue was deleted, or is not available. Declare it and consume again."
        endConsumer(consumer, .failure(AMQPError(.consumerCancelled, why, isRetryable: true)), keepsBuffer: true)
      }
    case .channelCloseOk: try saidGoodbye(core)
    default:
      if case .basicCancelOk(let tag) = method { hasLeft(tag, core) }
      if case .closing = core.phase, !core.requests.expects(method) { return }
      let request = try core.requests.answer(method)
      request?.finish(.success(Request.Answer(method: method)))
      sendNext(core, link)
    }
  }

  private func confirm(
    _ tag: UInt64, _ multiple: Bool, _ result: AMQPPublishResult, _ core: ChannelCore
  ) throws(WireError) {
    try core.confirms.resolve(tag, multiple: multiple) { waiter in
      complete(waiter, result)
    }
    wantPump(core)
  }

  func wantPump(_ core: ChannelCore) {
    guard !core.wantsPump, !core.pending.isEmpty else { return }
    core.wantsPump = true
    coresToPump.append(core)
  }

  // MARK: Channel 0

  /// Does what the connection's machine decided.
  func run(_ actions: [ConnectionMachine.Action], _ link: Link) {
    for action in actions {
      switch action {
      case .send(let method): if let slip = link.write(method) { return abort(link, slip.asError) }
      case .opened(let tune): opened(tune, link)
      case .blocked(let reason):
        link.blockedReason = reason
        logger.debug("AMQP connection is blocked", metadata: ["reason": "\(reason)"])
        if case .open = state { stateBox.set(.blocked(reason: reason)) }
      case .unblocked:
        link.blockedReason = nil
        if case .blocked = state { stateBox.set(.open) }
        for core in cores.values { wantPump(core) }
      case .secretTaken: secretTaken()
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
      let monitor = HeartbeatMonitor(interval: .seconds(Int64(tune.heartbeat)), now: .now())
      link.heartbeat = monitor
      link.heartbeatTimer = eventLoop.scheduleRepeatedTask(initialDelay: monitor.period, delay: monitor.period) { _ in
        self.assumeIsolated { $0.checkHeartbeat(link) }
      }
    } else {
      logger.warning("AMQP heartbeats are off: a broker that falls silent is not noticed. Set one on either side.")
    }
    link.opened.succeed(())
  }

  private func checkHeartbeat(_ link: Link) {
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
    // Neither what is still unsent nor TLS's goodbye, which the peer would have to answer, may hold it up.
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
    if self.link === link { self.link = nil }
    if link.machine.isOverChannelLimit { refuseNewChannels(link, reason) }
    for core in Array(link.channels.values) { lost(core, reason) }
    link.channels = [:]
    touchedConsumers.removeAll()
    resumptions.resumeAll(metrics)
    link.opened.fail(reason)
    link.ended.succeed(reason)
  }
}
