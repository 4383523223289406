internal import Warren

/// Who acts, and where that is written.
struct Auditor: Sendable {
  /// `nil`: nothing is written.
  var log: (any AuditLog)?
  var actor: String
  var clock: any BrokerClock

  /// Does something that changes the broker between two entries of the audit log. What cannot be written there is not done.
  ///
  /// - Parameter count: how many it was done to, from the result.
  func audited<Result>(
    _ action: String, queue: QueueName? = nil, message: MessageID? = nil, filter: String? = nil, count: Int? = nil,
    operation: String? = nil, done: (Result) -> (count: Int?, note: String?) = { _ in (nil, nil) },
    _ body: () async throws(BrokerError) -> Result
  ) async throws(BrokerError) -> Result {
    guard let log else { return try await body() }
    var entry = AuditEntry(
      time: clock.now, actor: actor, action: action, stage: .begins, queue: queue, message: message, filter: filter,
      count: count, operation: operation)
    try await log.record(entry)
    do throws(BrokerError) {
      let result = try await body()
      entry.stage = .done
      (entry.count, entry.note) = done(result)
      entry.time = clock.now
      // It has happened, whether or not this can be written.
      try? await log.record(entry)
      return result
    } catch {
      entry.stage = .failed
      entry.note = error.message
      entry.count = nil
      entry.time = clock.now
      try? await log.record(entry)
      throw error
    }
  }
}
