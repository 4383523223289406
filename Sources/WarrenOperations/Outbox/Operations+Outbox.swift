public import Warren

extension Operations {
  /// Whether there is an outbox to look into.
  public var hasOutbox: Bool { outbox != nil }

  /// What waits in the outbox.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when none was given.
  public func outboxStatus() async throws(BrokerError) -> OutboxStatus { try await given.status() }

  /// What is not well with the outbox, each with the fix.
  public func outboxFindings(patience: Duration = .seconds(30)) async throws(BrokerError) -> [Finding] {
    try await given.findings(patience: patience)
  }

  /// The messages of the outbox that could not be published, the oldest first.
  public func failingPublications(limit: Int = 100) async throws(BrokerError) -> [FailingPublication] {
    try await given.failing(limit: limit)
  }

  /// Publishes what has failed again at once. Returns how many.
  public func retryOutbox() async throws(BrokerError) -> Int { try await given.retry() }

  /// Deletes a message of the outbox that can never be published.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when it is not there: it may have been published.
  public func discardFromOutbox(_ id: MessageID) async throws(BrokerError) { try await given.discard(id) }

  private var given: OutboxOperations {
    get throws(BrokerError) {
      if let outbox { return OutboxOperations(outbox, actor: actor, audit: log, clock: clock) }
      throw BrokerError(.unsupported, "no outbox is given: the program that has one can give it to the dashboard")
    }
  }
}
