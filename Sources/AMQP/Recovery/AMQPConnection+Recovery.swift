import CoreMetrics
import Logging
import NIOCore
import ServiceLifecycle

// Opening, losing and coming back. One task does all of it, one attempt after the other.
extension AMQPConnection {
  /// Opens the connection and keeps it open until it is closed, the task is cancelled, or the service group shuts down.
  ///
  /// - throws: ``AMQPError`` when the connection cannot be opened: wrong credentials and virtual hosts end it at once, other
  ///   failures as the ``AMQPRecoveryPolicy`` says. Once it was open it comes back whatever the broker answers meanwhile,
  ///   unless the policy says otherwise. Calling it a second time throws too.
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
    var recovery = RecoveryMachine(configuration.recovery)
    var generator = SystemRandomNumberGenerator()
    stateBox.set(.connecting)
    while !isClosing {
      let reason: AMQPError
      do throws(AMQPError) {
        let link = try await connect()
        let rest = try await restore(link, isFirst: !recovery.wasOpen)
        metrics.opened.increment()
        noteOpened(away: recovery.opened(.now()))
        announceOpen(link)
        reason = await serve(link, rest)
        if !isClosing { metrics.lost.increment() }
      } catch {
        reason = error
        if let link { await end(link, error) }
      }
      if isClosing { break }
      let wasOpen = recovery.isOpen
      let decision = recovery.ended(reason, .now(), using: &generator)
      note(decision, reason, isLoss: wasOpen)
      switch decision {
      case .retry(let pause), .retryRefused(let pause):
        if recovery.wasOpen { stateBox.set(.recovering(reason)) }
        await sleep(pause)
      case .giveUp:
        finish(.failure(reason))
        throw reason
      }
    }
    finish(.success(()))
  }

  private func noteOpened(away: Duration?) {
    lastFailure = nil
    guard let away else { return logger.debug("AMQP connection is open") }
    logger.notice("AMQP connection is back", metadata: ["away": "\(away)"])
  }

  /// Logs what matters to those who are awake at night: the loss once, refusals each time, the rest when it changes.
  private func note(_ decision: RecoveryMachine.Decision, _ reason: AMQPError, isLoss: Bool) {
    let isNew = lastFailure != reason
    lastFailure = reason
    switch decision {
    case .giveUp:
      logger.debug("AMQP connection ended", metadata: ["error": "\(reason)"])
    case .retryRefused(let pause):
      logger.error(
        "AMQP broker refuses the connection: correct what it names. It is tried again.",
        metadata: ["reason": "\(reason)", "pause": "\(pause)"])
    case .retry(let pause):
      let text: Logger.Message =
        isLoss ? "AMQP connection was lost and comes back" : "AMQP connection cannot be opened yet"
      logger.log(
        level: isLoss || isNew ? .warning : .debug, text, metadata: ["reason": "\(reason)", "pause": "\(pause)"])
    }
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

  /// Topology, then channels; after that what waited on channels without consumers goes on. Returns what is left to declare.
  ///
  /// The topology comes first, as its channel has to be one of those that the broker allows.
  private func restore(_ link: Link, isFirst: Bool) async throws(AMQPError) -> DeclarationPlan {
    let rest = try await declare(configuration.topology, link, isFirst: isFirst)
    if link.hasEnded { throw await end(of: link) }
    try await reopenAll(link)
    if link.hasEnded { throw await end(of: link) }
    for core in sortedCores {
      switch core.phase {
      case .opening where core.isOpenOnWire && core.consumers.isEmpty: becomeReady(core)
      // A task asked for this one while the others were being restored.
      case .down: open(core)
      default: break
      }
    }
    return rest
  }

  /// Side by side: one after the other costs a round trip each.
  private func reopenAll(_ link: Link) async throws(AMQPError) {
    let failure = await withTaskGroup(of: AMQPError?.self) { group in
      for core in sortedCores {
        group.addTask {
          do throws(AMQPError) {
            try await self.reopen(core, link)
            return nil
          } catch { return error }
        }
      }
      var failure: AMQPError?
      while let result = await group.next() { failure = failure ?? result }
      return failure
    }
    if let failure { throw failure }
  }

  /// Brings the consumers back, and returns why the connection ended.
  ///
  /// Channels go side by side, as a queue whose leader is away keeps whoever asks for it waiting.
  private func serve(_ link: Link, _ rest: DeclarationPlan) async -> AMQPError {
    await withDiscardingTaskGroup { group in
      for core in sortedCores where core.isOpenOnWire && !core.consumers.isEmpty {
        // It ends with the connection at the latest, whose loss fails what it waits for.
        group.addTask { await self.bringBackConsumers(of: core) }
      }
      if refreshAfter != nil { group.addTask { await self.keepCredentialsFresh(link) } }
      if !rest.isDone { group.addTask { await self.declareLater(rest, link) } }
      let reason = await end(of: link)
      group.cancelAll()
      return reason
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
