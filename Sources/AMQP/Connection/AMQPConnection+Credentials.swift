import Logging
import NIOCore

// Credentials that change: asked for at each connect, and told to the broker while the connection is open. The machine of the
// secrets decides; its actions are done here.
extension AMQPConnection {
  /// Tells the broker a new secret, such as a token that replaces one about to expire. It is used from then on, also to connect
  /// again. With an ``AMQPCredentialsProvider`` that happens by itself.
  ///
  /// A broker that refuses the secret closes the connection, which then comes back as after any other loss, with the secret
  /// before. While the connection is not open the call returns at once.
  ///
  /// - throws: ``AMQPError``: `replyTimeout`, `invalidArgument`, `cancelled`, or why the connection is not open any more.
  public func updateSecret(_ secret: String, reason: String = "the old one expires") async throws(AMQPError) {
    if let closingError { throw closingError }
    try Limit.check(reason, "reason")
    try check(secret, reason)
    _ = try await answer(to: .secret) { connection, request in
      connection.run(connection.secrets.give(secret, reason: reason, request))
    }
  }

  /// So that a secret that cannot be sent is its call's error alone.
  private func check(_ secret: String, _ reason: String) throws(AMQPError) {
    let update = Method.connectionUpdateSecret(secret: ByteBuffer(string: secret), reason: reason)
    try Limit.check(update, frameMax: frameMax)
  }

  /// Does what the machine of the secrets decided.
  func run(_ actions: [SecretMachine.Action]) {
    for action in actions {
      switch action {
      case .finish(let request, let result): request.finish(result)
      case .send(let method):
        guard let link, link.maySend else { continue }
        guard let error = link.write(method, channel: 0) else {
          link.flush()
          continue
        }
        logger.warning("AMQP secret cannot be sent", metadata: ["error": "\(error.text)"])
        run(secrets.sendingFailed(AMQPError(.invalidArgument, "The secret cannot be sent: \(error.text).")))
      }
    }
  }

  /// What to connect with, and for how long it is good.
  func credentials(with secret: SecretMachine.Secret?) async throws(AMQPError) -> AMQPCredentialsProvider.Answer {
    guard let provider = configuration.credentialsProvider else {
      let credentials = configuration.credentials
      return .init(secret.map { credentials.with(secret: $0.text) } ?? credentials)
    }
    do { return try await interruptible(configuration.connectTimeout) { try await provider.fetch() } } catch {
      throw AMQPError(
        .connectFailed, "The provider of the credentials gave none. See the error below.", underlying: error,
        isRetryable: true)
    }
  }

  /// Asks for credentials before they expire and tells the broker, for as long as the connection is open.
  func keepCredentialsFresh(_ link: Link, _ validFor: Duration) async {
    guard let provider = configuration.credentialsProvider else { return }
    var schedule = RefreshSchedule(validFor: validFor)
    note(schedule, after: nil, nil)
    while let pause = schedule.pause {
      do { try await Task.sleep(for: pause) } catch { return }
      let before = schedule.trouble
      do {
        let answer = try await interruptible(configuration.connectTimeout) { try await provider.fetch() }
        if link.hasEnded { return }
        schedule.answered(validFor: answer.validFor)
        if schedule.trouble != .expired, let secret = answer.credentials.secret { try await renew(secret) }
        note(schedule, after: before, nil)
      } catch {
        if link.hasEnded || Task.isCancelled || isClosing { return }
        schedule.failed()
        note(schedule, after: before, error)
      }
    }
  }

  private func renew(_ secret: String) async throws(AMQPError) {
    try check(secret, "")
    do throws(AMQPError) {
      _ = try await answer(to: .secret) { connection, request in
        connection.run(connection.secrets.renew(secret, request))
      }
    } catch {
      // It was told, and need not be told again: a broker that has an alarm takes it when that is over.
      guard error.code == .replyTimeout else { throw error }
      logger.warning("AMQP broker has not answered yet whether it takes new credentials")
    }
  }

  /// Logs what is wrong with the credentials when that changes.
  private func note(_ schedule: RefreshSchedule, after before: RefreshSchedule.Trouble?, _ error: (any Error)?) {
    guard schedule.trouble != before else { return }
    let again: Logger.Metadata = ["again": "\(schedule.pause.map { "\($0)" } ?? "no")"]
    switch schedule.trouble {
    case .failed:
      let text: Logger.MetadataValue = "\(error.map { "\($0)" } ?? "")"
      logger.warning("AMQP credentials could not be renewed", metadata: again.merging(["error": text]) { $1 })
    case .expired:
      logger.warning("AMQP credentials have expired when the provider gives them: correct it", metadata: again)
    case .tooShort:
      logger.warning("AMQP credentials expire before they can be renewed: let them last longer", metadata: again)
    case nil: logger.notice("AMQP credentials are renewed again")
    }
  }
}
