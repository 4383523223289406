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
  ///   unless the policy is set to something else. Calling it a second time throws too.
  public func run() async throws {
    try await withGracefulShutdownHandler {
      try await runUntilClosed()
    } onGracefulShutdown: {
      self.closeFromAnywhere()
    }
  }

  /// The same for a service that has something to finish on the connection at a graceful shutdown, and closes it after that.
  package func runUntilClosed() async throws {
    guard !hasRun else {
      throw AMQPError(.invalidConfiguration, "A connection runs once: make another one.")
    }
    hasRun = true
    if isClosing { return }
    do throws(AMQPError) { try configuration.check() } catch {
      finish(.failure(error))
      throw error
    }
    let gauges = startGauges()
    defer {
      gauges.cancel()
      recordGauges()
    }
    try await withTaskCancellationHandler {
      try await supervise()
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
      let isLoss = recovery.isOpen
      let decision = recovery.ended(reason, .now(), using: &generator)
      note(decision, reason, isLoss: isLoss, wasOpen: recovery.wasOpen)
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
    leftOut.connectionOpened()
    guard let away else { return logger.debug("AMQP connection is open") }
    logger.notice("AMQP connection is back", metadata: ["away": "\(away)"])
  }

  /// Logs what an operator has to know as warnings and errors: the loss once, refusals each time, the rest when it changes.
  private func note(_ decision: RecoveryMachine.Decision, _ reason: AMQPError, isLoss: Bool, wasOpen: Bool) {
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
      // That a broker which is gone cannot be reached is nothing new, unless a user has to correct something.
      let isWarning = isLoss || (isNew && (!wasOpen || reason.needsCorrection))
      logger.log(
        level: isWarning ? .warning : .debug, text, metadata: ["reason": "\(reason)", "pause": "\(pause)"])
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

  /// Topology, then channels. Returns what is left to declare.
  ///
  /// The topology comes first, as its channel has to be one of those that the broker allows.
  private func restore(_ link: Link, isFirst: Bool) async throws(AMQPError) -> DeclarationPlan {
    let rest = try await declare(configuration.topology, link, isFirst: isFirst)
    if link.hasEnded { throw await end(of: link) }
    reopenChannels(on: link)
    return rest
  }

  /// Does what goes on beside an open connection, and returns why the connection ended.
  private func serve(_ link: Link, _ rest: DeclarationPlan) async -> AMQPError {
    await withDiscardingTaskGroup { group in
      // A broker ends a connection, or refuses its calls, once the credentials that it logged in with have expired.
      if let validFor = link.validFor { group.addTask { await self.keepCredentialsFresh(link, validFor) } }
      if !rest.isDone { group.addTask { await self.declareLater(rest, link) } }
      let reason = await end(of: link)
      group.cancelAll()
      return reason
    }
  }
}
