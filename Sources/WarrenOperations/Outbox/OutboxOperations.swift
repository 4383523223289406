internal import Foundation
public import Warren

/// What an operator does with an outbox. It needs no broker: the outbox is in the application's database.
public struct OutboxOperations: Sendable {
  private let outbox: any OperableOutbox
  private let auditor: Auditor

  /// Operations on an outbox.
  ///
  /// - Parameters:
  ///   - actor: who acts; by default this process's user and host.
  ///   - audit: where it is written who retried or discarded, before it is done; `nil`: nowhere.
  ///   - clock: what the audit takes its times from.
  public init(
    _ outbox: any OperableOutbox, actor: String? = nil, audit: (any AuditLog)? = nil,
    clock: any BrokerClock = SystemClock()
  ) {
    self.outbox = outbox
    auditor = Auditor(log: audit, actor: actor ?? Operations.thisUser, clock: clock)
  }

  /// What waits.
  public func status() async throws(BrokerError) -> OutboxStatus { try await reading { try await outbox.status() } }

  /// What is not well, each with the fix.
  public func findings(patience: Duration = .seconds(30)) async throws(BrokerError) -> [Finding] {
    try await reading { try await outbox.findings(patience: patience) }
  }

  /// The messages that wait, the oldest first.
  public func waiting(limit: Int = 100) async throws(BrokerError) -> [WaitingPublication] {
    try await reading { try await outbox.waiting(limit: limit) }
  }

  /// The messages that could not be published, the oldest first.
  public func failing(limit: Int = 100) async throws(BrokerError) -> [FailingPublication] {
    try await reading { try await outbox.failing(limit: limit) }
  }

  /// Publishes what has failed again at once. Returns how many.
  public func retry() async throws(BrokerError) -> Int {
    try await auditor.audited("outbox.retry", done: { ($0, nil) }) { () throws(BrokerError) in
      try await reading {
        let failing = try await outbox.status().failing
        try await outbox.retryNow()
        return failing
      }
    }
  }

  /// Deletes a message that can never be published.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when it is not there: it may have been published.
  public func discard(_ id: MessageID) async throws(BrokerError) {
    try await auditor.audited("outbox.discard", message: id, count: 1, done: { (1, nil) }) { () throws(BrokerError) in
      guard try await reading({ try await outbox.discard(id) }) else {
        throw BrokerError(
          .notFound, "there is no message '\(id)' in the outbox: it was published or discarded meanwhile")
      }
    }
  }

  /// What its database throws is an engine's error, too.
  private func reading<Value>(_ body: () async throws -> Value) async throws(BrokerError) -> Value {
    do { return try await body() } catch let error as BrokerError { throw error } catch {
      throw BrokerError(.unavailable, "the database of the outbox cannot be used now: \(error)", underlying: error)
    }
  }
}
