internal import Foundation
public import Warren

extension Operations {
  /// The entries of the audit log after a number, the oldest first; no more than the limit.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when there is no log.
  public func audit(after number: Int64 = 0, limit: Int = 1_000) async throws(BrokerError) -> [AuditEntry] {
    try await auditLog.audit(after: number, limit: limit)
  }

  /// The newest entries of the audit log, the newest first.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when there is no log.
  public func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await auditLog.newestAudit(limit: limit)
  }

  private var auditLog: any AuditLog {
    get throws(BrokerError) {
      if let log { return log }
      throw BrokerError(
        .unsupported, "the engine \(broker.capabilities.engine) keeps no audit log, and no file was given for one")
    }
  }

  /// Notes that this person sees a message with nothing hidden; what cannot be written there is not to be shown.
  public func noteReveal(of id: MessageID, in queue: QueueName?) async throws(BrokerError) {
    try await log?.record(
      AuditEntry(
        time: clock.now, actor: actor, action: "message.reveal", stage: .done, queue: queue, message: id))
  }

  /// Visits all entries of the audit log after a number, the oldest first.
  public func visitAudit(after number: Int64 = 0, _ visit: (AuditEntry) throws -> Void) async throws {
    var last = number
    while true {
      let some = try await audit(after: last)
      try some.forEach(visit)
      guard let end = some.last else { return }
      last = end.number
    }
  }

  /// The same operations, done by another person.
  public func acting(as actor: String) -> Operations {
    var copy = self
    copy.actor = actor
    return copy
  }

  /// Does something that changes the broker between two entries of the audit log. What cannot be written there is not done.
  ///
  /// - Parameter count: how many it was done to, from the result.
  func audited<Result>(
    _ action: String, queue: QueueName? = nil, message: MessageID? = nil, filter: String? = nil, count: Int? = nil,
    operation: String? = nil, done: (Result) -> (count: Int?, note: String?) = { _ in (nil, nil) },
    _ body: () async throws(BrokerError) -> Result
  ) async throws(BrokerError) -> Result {
    try await Auditor(log: log, actor: actor, clock: clock).audited(
      action, queue: queue, message: message, filter: filter, count: count, operation: operation, done: done, body)
  }
}
