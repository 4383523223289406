internal import GRDB
internal import Warren

extension Store {
  /// A part of what is done about an event.
  enum Step: String, Sendable {
    case notify, index, count
  }

  /// Runs an effect unless this step was done for this message before. Effect and mark are one transaction, so neither
  /// is without the other, wherever a worker dies. Returns whether it ran.
  ///
  /// Marks are kept for good, because a person may replay a dead letter after any time.
  @discardableResult
  func once(
    _ id: MessageID, _ step: Step, _ effect: @escaping @Sendable (Database) throws -> Void
  ) async throws -> Bool {
    try await database.write { db in
      try db.execute(
        sql: "INSERT OR IGNORE INTO processed (messageId, step) VALUES (?, ?)",
        arguments: [id.rawValue, step.rawValue])
      if db.changesCount == 0 { return false }
      try effect(db)
      return true
    }
  }
}
