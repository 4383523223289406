import CoreMetrics
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle

// Opening, losing and coming back. One task does all of it, one attempt after the other.
extension AMQPConnection {
  /// Opens the connection and keeps it open until it is closed, the task is cancelled, or the service group shuts down.
  ///
  /// - throws: ``AMQPError`` when the connection cannot be opened or cannot come back: wrong credentials and virtual hosts end
  ///   it at once, other failures as the ``AMQPRecoveryPolicy`` says. Calling it a second time throws too.
  public func run() async throws {
    guard !hasRun else {
      throw AMQPError(.invalidConfiguration, "A connection runs once: make another one.")
    }
    hasRun = true
    if isClosing { return }
    do throws(AMQPError) { try configuration.check() } catch {
      finish(.failure(error))
      throw error
    }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await supervise()
      } onGracefulShutdown: {
        self.closeFromAnywhere()
      }
    } onCancel: {
      self.closeFromAnywhere()
    }
  }

  private nonisolated func closeFromAnywhere() {
    eventLoop.execute { self.assumeIsolated { $0.beginClose() } }
  }

  private func supervise() async throws(AMQPError) {
    var backoff = Backoff(configuration.recovery)
    var generator = SystemRandomNumberGenerator()
    var wasOpen = false
    stateBox.set(.connecting)
    while !isClosing {
      let reason: AMQPError
      do throws(AMQPError) {
        let link = try await connect()
        try await restore(link, isFirst: !wasOpen)
        let since = NIODeadline.now()
        wasOpen = true
        metrics.opened.increment()
        logger.debug("AMQP connection is open")
        announceOpen(link)
        reason = await serve(link)
        backoff.wasOpen(for: .nanoseconds((NIODeadline.now() - since).nanoseconds))
        if !isClosing { metrics.lost.increment() }
      } catch {
        reason = error
        if let link { await end(link, error) }
      }
      if isClosing { break }
      let mayRetry = configuration.recovery.isEnabled && (wasOpen || configuration.recovery.retriesFirstConnect)
      guard mayRetry, Self.canRecover(from: reason), let pause = backoff.next(using: &generator) else {
        logger.debug("AMQP connection ended", metadata: ["error": "\(reason)"])
        finish(.failure(reason))
        throw reason
      }
      if wasOpen { stateBox.set(.recovering(reason)) }
      logger.debug("AMQP connection comes back", metadata: ["reason": "\(reason)", "pause": "\(pause)"])
      await sleep(pause)
    }
    finish(.success(()))
  }

  /// What no repetition mends.
  private static func canRecover(from error: AMQPError) -> Bool {
    let hopeless: Set<AMQPError.Code> = [
      .authenticationFailed, .virtualHostRefused, .versionMismatch, .invalidConfiguration, .tlsFailed,
    ]
    // A declaration that contradicts what is there will do so again.
    if error.code == .channelClosedByServer && !error.isRetryable { return false }
    // 530 on an open connection is an administrator's act, such as a deleted virtual host.
    return !hopeless.contains(error.code) && error.replyCode != 530
  }

  private func announceOpen(_ link: Link) {
    stateBox.set(link.blockedReason.map { .blocked(reason: $0) } ?? .open)
  }

  private func sleep(_ duration: Duration) async {
    await withCheckedContinuation { continuation in
      let timer = eventLoop.scheduleTask(in: TimeAmount(duration)) { self.assumeIsolated { $0.endPause() } }
      pause = (timer, continuation)
    }
  }

  private func endPause() {
    guard let (timer, done) = pause else { return }
    pause = nil
    timer.cancel()
    done.resume()
  }

  // MARK: Opening

  /// Tries every endpoint once, in random order.
  private func connect() async throws(AMQPError) -> Link {
    var last: AMQPError?
    var tls: NIOSSLContext?
    if let wanted = configuration.tls { tls = try wanted.makeContext() }
    for endpoint in configuration.endpoints.shuffled() where !isClosing {
      do throws(AMQPError) { return try await connect(to: endpoint, tls) } catch {
        logger.debug("AMQP endpoint failed", metadata: ["endpoint": "\(endpoint)", "error": "\(error)"])
        // One node that cannot be trusted does not end the waiting for the others.
        if last.map(Self.canRecover) != true || Self.canRecover(from: error) { last = error }
        // A refusal by one node is a refusal by the cluster.
        if error.code == .authenticationFailed || error.code == .virtualHostRefused { throw error }
      }
    }
    throw last ?? AMQPError(.connectFailed, "There is no endpoint.")
  }

  private func connect(
    to endpoint: AMQPConfiguration.Endpoint, _ tls: NIOSSLContext?
  ) async throws(AMQPError) -> Link {
    let link = Link(eventLoop: eventLoop, machine: ConnectionMachine(wishes))
    self.link = link
    let serverName = configuration.tls.flatMap { $0.serverName ?? endpoint.host }
    link.serverName = serverName
    let limit = TimeAmount(configuration.connectTimeout)
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(limit)
      .resolver(configuration.resolver)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
      .channelInitializer { socket in
        socket.eventLoop.makeCompletedFuture {
          if let tls {
            try socket.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, serverName))
          }
          try socket.pipeline.syncOperations.addHandler(SocketHandler(connection: self, link: link))
        }
      }
    do {
      link.socket = try await bootstrap.connect(host: endpoint.host, port: endpoint.port).get()
    } catch {
      // A peer that hangs up quickly can be gone before the connect is reported.
      if link.socket != nil { throw await end(of: link) }
      let failure =
        Self.tlsError(error)
        ?? AMQPError(
          .connectFailed, "No broker answers at \(endpoint). Check that it runs and that the address is right.",
          underlying: error)
      fail(link, failure)
      throw failure
    }
    do {
      try await link.opened.futureResult.get()
      return link
    } catch {
      throw await end(of: link)
    }
  }

  private static func tlsHandler(_ context: NIOSSLContext, _ name: String?) throws -> NIOSSLClientHandler {
    // SNI is for names only; without one the peer's address is checked against the certificate.
    try NIOSSLClientHandler(context: context, serverHostname: name.flatMap { AMQPTLS.isAddress($0) ? nil : $0 })
  }

  private var wishes: ConnectionMachine.Wishes {
    ConnectionMachine.Wishes(
      mechanism: configuration.credentials.mechanism, virtualHost: configuration.virtualHost,
      clientProperties: configuration.allClientProperties,
      tune: TuneValues(
        channelMax: UInt16(clamping: configuration.channelMax), frameMax: UInt32(clamping: configuration.frameMax),
        heartbeat: UInt16(clamping: configuration.heartbeat.components.seconds)))
  }

  private func end(of link: Link) async -> AMQPError {
    do { return try await link.ended.futureResult.get() } catch { return AMQPError(.connectionLost, "\(error)") }
  }

  /// Ends a socket from this side and waits until it is gone.
  private func end(_ link: Link, _ error: AMQPError) async {
    guard !link.hasEnded else { return }
    abort(link, error)
    _ = await end(of: link)
  }

  // MARK: Restoring

  /// Channels, then topology; after that what waited on channels without consumers goes on.
  private func restore(_ link: Link, isFirst: Bool) async throws(AMQPError) {
    for core in sortedCores { try await reopen(core, link) }
    try await apply(configuration.topology, link, isFirst: isFirst)
    if link.hasEnded { throw await end(of: link) }
    for core in sortedCores {
      switch core.phase {
      case .opening where core.isOpenOnWire && core.consumers.isEmpty: becomeReady(core)
      // Somebody asked for this one while the others were being restored.
      case .down: open(core)
      default: break
      }
    }
  }

  /// Brings the consumers back, and returns why the connection ended.
  ///
  /// Channels go side by side, as a queue whose leader is away keeps whoever asks for it waiting.
  private func serve(_ link: Link) async -> AMQPError {
    await withDiscardingTaskGroup { group in
      for core in sortedCores where core.isOpenOnWire && !core.consumers.isEmpty {
        // It ends with the connection at the latest, whose loss fails what it waits for.
        group.addTask { await self.bringBackConsumers(of: core) }
      }
      return await end(of: link)
    }
  }

  private func bringBackConsumers(of core: ChannelCore) async {
    let generation = core.generation
    for consumer in core.consumers.values where core.generation == generation {
      // However long that takes. A refusal closes the channel and ends the consumer with the reason.
      try? await subscribe(consumer, on: core, timeout: nil)
    }
    if core.generation == generation, case .opening = core.phase { becomeReady(core) }
  }

  private var sortedCores: [ChannelCore] { cores.values.sorted { $0.id < $1.id } }

  private func reopen(_ core: ChannelCore, _ link: Link) async throws(AMQPError) {
    guard case .down = core.phase else { return }
    // Lost before this task had its turn: a channel that began to open here would wait for an answer for ever.
    if link.hasEnded { throw await end(of: link) }
    guard takeNumber(core, link) else {
      return abandon(core, Self.noFreeChannel)
    }
    do throws(AMQPError) {
      _ = try await internalRequest(core, .channelOpen, timeout: configuration.replyTimeout)
      core.isOpenOnWire = true
    } catch {
      // One that was given up meanwhile keeps nobody from coming back.
      if !core.isClosed { throw error }
    }
  }

  /// Declares on a channel of its own. Whatever fails does not keep the rest from being declared.
  func apply(_ topology: AMQPTopology, _ link: Link, isFirst: Bool) async throws(AMQPError) {
    let declarations = topology.declarations
    guard !declarations.isEmpty else { return }
    var core: ChannelCore?
    var failure: AMQPError?
    for declaration in declarations {
      do throws(AMQPError) {
        if core == nil {
          let fresh = ChannelCore(
            id: -1, options: AMQPChannelOptions(reopens: false), maxBodySize: configuration.maxInboundBodySize)
          guard takeNumber(fresh, link) else { throw Self.noFreeChannel }
          _ = try await internalRequest(fresh, .channelOpen, timeout: configuration.replyTimeout)
          core = fresh
        }
        guard let core else { break }
        _ = try await internalRequest(core, declaration, timeout: configuration.replyTimeout)
      } catch {
        if link.hasEnded { throw error }
        logger.warning("AMQP topology: a declaration failed", metadata: ["error": "\(error)"])
        // The first is the cause; a 406 or 403 will not pass by itself, a 404 or 405 may.
        if failure == nil || error.isRetryable { failure = error }
        core = nil
      }
    }
    if let core { await close(core) }
    guard let failure else { return }
    if isFirst || failure.isRetryable { throw failure }
  }

  // MARK: Closing

  /// Begins to close, once. Everything from here on happens by events and timers.
  func beginClose() {
    guard !isClosing else { return }
    isClosing = true
    guard hasRun else { return finish(.success(())) }
    endPause()
    let error = AMQPError(.connectionClosed, "The connection is being closed: nothing more is sent.")
    for core in cores.values { failPending(core, error) }
    resumptions.resumeAll(metrics)
    guard let link else { return }
    guard link.isOpen else { return abort(link, AMQPError(.connectionClosed, "The connection was closed.")) }
    link.closeTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.closeTimeout)) {
      self.assumeIsolated { $0.sendClose(link) }
    }
    closeIfDrained(link)
  }

  /// Says goodbye once no confirm is due any more.
  func closeIfDrained(_ link: Link) {
    guard isClosing, link.isOpen, !link.hasEnded else { return }
    if cores.values.allSatisfy({ $0.confirms.outstanding == 0 }) { sendClose(link) }
  }

  private func sendClose(_ link: Link) {
    guard link.isOpen, !link.hasEnded else { return }
    for core in cores.values { writeSettlements(core, link) }
    run(link.machine.close(), link)
    link.closeTimer?.cancel()
    link.closeTimer = eventLoop.scheduleTask(in: TimeAmount(configuration.closeTimeout)) {
      self.assumeIsolated { _ in link.closeAtOnce() }
    }
  }

  /// Ends everything for good.
  private func finish(_ result: Result<Void, AMQPError>) {
    let error: AMQPError
    switch result {
    case .success: error = AMQPError(.connectionClosed, "The connection was closed.")
    case .failure(let failure): error = failure
    }
    isClosing = true
    for core in cores.values { end(core, error, quietly: error.code == .connectionClosed) }
    cores = [:]
    resumptions.resumeAll(metrics)
    if case .failure = result { stateBox.set(.failed(error)) } else { stateBox.set(.closed) }
  }
}
