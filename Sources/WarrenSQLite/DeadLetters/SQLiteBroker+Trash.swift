public import Warren

extension SQLiteBroker: RestoringBroker {
  private var trash: Trash { Trash(file: file, writer: writer) }

  /// A day.
  public var deletedLifetime: Duration { Trash.lifetime }

  /// So many, as long as they are not larger than 64 MiB together. One of more than 4 MiB is not kept.
  public var deletedLimit: Int { Trash.limit }

  /// See ``Warren/RestoringBroker/deletedDeadLetters(limit:)``.
  public func deletedDeadLetters(limit: Int) async throws(BrokerError) -> [DeletedDeadLetter] {
    try await trash.all(limit: limit, now: clock.now)
  }

  /// See ``Warren/RestoringBroker/restoreDeadLetters(_:)``.
  public func restoreDeadLetters(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID] {
    try await waitUntilRunning()
    return try await trash.restore(ids)
  }
}
