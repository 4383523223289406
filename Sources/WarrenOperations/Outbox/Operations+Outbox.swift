public import Warren

extension Operations {
  /// Whether there is an outbox to look into.
  public var hasOutbox: Bool { outbox != nil }

  /// What waits in the outbox.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when none was given.
  public func outboxStatus() async throws(BrokerError) -> OutboxStatus {
    let outbox = try givenOutbox
    return try await reading { try await outbox.status() }
  }

  /// What is not well with the outbox, each with the fix.
  public func outboxFindings(patience: Duration = .seconds(30)) async throws(BrokerError) -> [Finding] {
    let outbox = try givenOutbox
    return try await reading { try await outbox.findings(patience: patience) }
  }

  /// The messages of the outbox that could not be published, the oldest first.
  public func failingPublications(limit: Int = 100) async throws(BrokerError) -> [FailingPublication] {
    let outbox = try givenOutbox
    return try await reading { try await outbox.failing(limit: limit) }
  }

  /// Publishes what has failed again at once. Returns how many.
  public func retryOutbox() async throws(BrokerError) -> Int {
    let outbox = try givenOutbox
    return try await audited("outbox.retry", done: { ($0, nil) }) { () throws(BrokerError) in
      try await reading {
        let failing = try await outbox.status().failing
        try await outbox.retryNow()
        return failing
      }
    }
  }

  /// Deletes a message of the outbox that can never be published.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when it is not there: it may have been published.
  public func discardFromOutbox(_ id: MessageID) async throws(BrokerError) {
    let outbox = try givenOutbox
    try await audited("outbox.discard", message: id, count: 1, done: { (1, nil) }) { () throws(BrokerError) in
      guard try await reading({ try await outbox.discard(id) }) else {
        throw BrokerError(
          .notFound, "there is no message '\(id)' in the outbox: it was published or discarded meanwhile")
      }
    }
  }

  private var givenOutbox: any OperableOutbox {
    get throws(BrokerError) {
      if let outbox { return outbox }
      throw BrokerError(.unsupported, "no outbox is given: the program that has one can give it to the dashboard")
    }
  }

  /// What its database throws is an engine's error, too.
  private func reading<Value>(_ body: () async throws -> Value) async throws(BrokerError) -> Value {
    do { return try await body() } catch let error as BrokerError { throw error } catch {
      throw BrokerError(.unavailable, "the database of the outbox cannot be used now: \(error)", underlying: error)
    }
  }
}
