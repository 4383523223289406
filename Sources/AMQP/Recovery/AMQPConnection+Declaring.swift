import Logging
import NIOCore

// Declaring the topology, on channels of its own.
extension AMQPConnection {
  /// How long a declaration may keep the others waiting. Where a queue's node is down a broker may not answer at all.
  private var patience: Duration { min(configuration.replyTimeout, .seconds(2)) }

  /// Declares what a connection needs before it is of use. Returns what has to be declared later, while the connection is open.
  ///
  /// A declaration that is refused or not answered costs that declaration, and not the connection. Only the first connection
  /// fails with it, as the one who starts a program has to know that its topology is wrong.
  func declare(_ topology: AMQPTopology, _ link: Link, isFirst: Bool) async throws(AMQPError) -> DeclarationPlan {
    var plan = DeclarationPlan(topology, without: leftOut.declarations)
    guard !plan.isDone else { return plan }
    let waits = isFirst && !configuration.recovery.retriesFirstConnect
    let failure = try await declareNext(
      &plan, link, isFirst: isFirst, patience: waits ? configuration.replyTimeout : patience,
      unanswered: waits ? .max : 3)
    if let failure, isFirst, waits || !failure.isRetryable { throw failure }
    return plan
  }

  /// Notes a declaration over which the broker has closed the connection, such as one of a kind that it does not know: with it no
  /// connection would ever be of use. It is left out until one was. Returns the error of a program's first connection.
  private func isFatal(
    _ declaration: Method, _ link: Link, _ error: AMQPError, _ isFirst: Bool
  ) -> AMQPError? {
    guard let reason = link.machine.closeReason, reason.isOver(declaration) else { return nil }
    leftOut.declarationRefused(declaration)
    logger.error(
      "AMQP topology: the broker closes the connection over a declaration, which is left out for now",
      metadata: ["error": "\(error)", "declaration": "\(declaration.subject)"])
    guard isFirst, !error.isRetryable else { return nil }
    return AMQPError(
      .invalidConfiguration, "In the topology, \(declaration.subject): the broker closes the connection over it.",
      replyCode: reason.replyCode, replyText: reason.replyText)
  }

  /// Declares what is left, again and again, until all is there or the connection is lost.
  func declareLater(_ rest: DeclarationPlan, _ link: Link) async {
    var plan = rest
    var backoff = Backoff(configuration.recovery.withoutEnd)
    var generator = SystemRandomNumberGenerator()
    while !plan.isDone, !link.hasEnded {
      if plan.next() == nil {
        plan.startRound()
        guard let pause = backoff.next(using: &generator) else { return }
        // It ends early with the connection.
        try? await Task.sleep(for: pause)
        if Task.isCancelled { return }
      }
      _ = try? await declareNext(&plan, link, patience: patience, unanswered: 8)
    }
    if !link.hasEnded { logger.notice("AMQP topology: all that failed is declared now") }
  }

  /// Declares until the round is over, or so many declarations were not answered. Returns the error that weighs most.
  private func declareNext(
    _ plan: inout DeclarationPlan, _ link: Link, isFirst: Bool = false, patience: Duration, unanswered: Int
  ) async throws(AMQPError) -> AMQPError? {
    var failure: AMQPError?
    var missing = 0
    var core: ChannelCore?
    while missing < unanswered, let declaration = plan.next() {
      do throws(AMQPError) {
        if core == nil { core = try await openInternalChannel(on: link) }
        guard let core else { break }
        _ = try await request(core, declaration, timeout: patience)
        plan.finish(.done)
      } catch {
        if link.hasEnded { throw isFatal(declaration, link, error, isFirst) ?? error }
        logger.warning(
          "AMQP topology: a declaration failed",
          metadata: ["error": "\(error)", "declaration": "\(declaration.subject)", "again": "\(error.isRetryable)"])
        // What only the user can correct weighs more than what passes.
        if failure.map(\.isRetryable) != false { failure = error }
        plan.finish(error.isRetryable ? .later : .refused)
        if let core { end(core, error, quietly: false) }
        core = nil
        if error.code == .replyTimeout || error.code == .noFreeChannel { missing += 1 }
      }
    }
    if let core { await close(core) }
    return failure
  }
}
