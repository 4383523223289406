import CoreMetrics
import Logging
import NIOCore
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
  static func canRecover(from error: AMQPError) -> Bool {
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

  func endPause() {
    guard let (timer, done) = pause else { return }
    pause = nil
    timer.cancel()
    done.resume()
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
}
