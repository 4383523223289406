import Logging
import NIOCore

// Credentials that change: asked for at each connect, and told to the broker while the connection is open.
extension AMQPConnection {
  /// Tells the broker a new secret, such as a token that replaces one about to expire. It is used from then on, also to connect
  /// again. With an ``AMQPCredentialsProvider`` that happens by itself.
  ///
  /// A broker that refuses the secret closes the connection, which then comes back as after any other loss.
  ///
  /// - throws: ``AMQPError``: `replyTimeout`, `invalidArgument`, or why the connection is not open.
  public func updateSecret(_ secret: String, reason: String = "the old one expires") async throws(AMQPError) {
    let method = try updating(secret, reason)
    let before = newestSecret
    newestSecret = secret
    givenSecrets += 1
    guard let link, link.isOpen else {
      if let error = finalError { throw error }
      // The next connection begins with it; one that is being opened is told when it is open.
      return
    }
    try await tell(method, replacing: before, link)
  }

  private func updating(_ secret: String, _ reason: String) throws(AMQPError) -> Method {
    try Limit.check(reason, "reason")
    let method = Method.connectionUpdateSecret(secret: ByteBuffer(string: secret), reason: reason)
    try Limit.check(method, frameMax: link.flatMap { $0.isOpen ? $0.frameMax : nil } ?? configuration.frameMax)
    return method
  }

  /// Tells a connection that has just opened the secret that was given meanwhile.
  func tellNewestSecret(_ link: Link) {
    guard link.knownSecrets != givenSecrets, let newestSecret,
      let method = try? updating(newestSecret, "it was given while the connection was being opened")
    else { return }
    toldSecrets.append(ToldSecret(answered: eventLoop.makePromise(), before: nil))
    run([.send(method)], link)
  }

  private func tell(_ method: Method, replacing before: String?, _ link: Link) async throws(AMQPError) {
    guard link.machine.state == .open else { return }
    let answered = eventLoop.makePromise(of: Void.self)
    let timer = eventLoop.scheduleTask(in: TimeAmount(configuration.replyTimeout)) {
      answered.fail(AMQPError(.replyTimeout, "The broker did not answer in time whether it takes the new secret."))
    }
    toldSecrets.append(ToldSecret(answered: answered, before: before))
    run([.send(method)], link)
    awaitedSecrets += 1
    if link.gate.isConcerned { updateReading(link) }
    defer {
      awaitedSecrets -= 1
      timer.cancel()
    }
    // One that gave up keeps its place in the line, so that a late answer is not taken for another's.
    do { try await answered.futureResult.get() } catch {
      throw error as? AMQPError ?? AMQPError(.connectionLost, "\(error)")
    }
  }

  /// The broker took the oldest secret that it was told and has not answered yet.
  func secretTaken() {
    guard !toldSecrets.isEmpty else { return }
    toldSecrets.removeFirst().answered.succeed(())
  }

  /// The connection has ended. If the broker ended it over a secret, the next one does not begin with that.
  func secretsEnded(_ reason: AMQPError) {
    if reason.code == .connectionClosedByServer, !reason.isRetryable, let first = toldSecrets.first {
      newestSecret = first.before
    }
    for told in toldSecrets { told.answered.fail(reason) }
    toldSecrets = []
  }

  /// What to connect with.
  func currentCredentials() async throws(AMQPError) -> AMQPCredentials {
    refreshAfter = nil
    knownSecrets = givenSecrets
    guard let provider = configuration.credentialsProvider else {
      guard let newestSecret else { return configuration.credentials }
      return configuration.credentials.with(secret: newestSecret)
    }
    do {
      let answer = try await interruptible(configuration.connectTimeout) { try await provider.fetch() }
      refreshAfter = answer.refreshAfter
      return answer.credentials
    } catch {
      throw AMQPError(
        .connectFailed, "The provider of the credentials gave none. See the error below.", underlying: error,
        isRetryable: true)
    }
  }

  /// Asks for credentials before they expire and tells the broker, for as long as the connection is open.
  func keepCredentialsFresh(_ link: Link) async {
    guard let provider = configuration.credentialsProvider, var pause = refreshAfter else { return }
    let retry = min(pause / 4, .seconds(10))
    while !link.hasEnded {
      do { try await Task.sleep(for: pause) } catch { return }
      do {
        let answer = try await interruptible(configuration.connectTimeout, on: link) { try await provider.fetch() }
        if let secret = answer.credentials.secret {
          try await tell(try updating(secret, "the old one expires"), replacing: newestSecret, link)
        }
        logger.debug("AMQP broker took new credentials")
        guard let next = answer.refreshAfter else { return }
        pause = next
      } catch {
        if link.hasEnded || Task.isCancelled { return }
        logger.warning("AMQP credentials could not be renewed", metadata: ["error": "\(error)"])
        pause = retry
      }
    }
  }
}

/// A secret that the broker was told.
struct ToldSecret {
  let answered: EventLoopPromise<Void>
  /// What was in its place before.
  let before: String?
}
