internal import GRDB

extension Store {
  /// The newest first.
  func notifications(of user: String) async throws -> [Notification] {
    try await database.read { db in
      try Notification.fetchAll(
        db, sql: "SELECT * FROM notifications WHERE userId = ? ORDER BY number DESC LIMIT 1000", arguments: [user])
    }
  }

  /// Forgets what a user was told.
  static func forget(_ user: String, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM notifications WHERE userId = ?", arguments: [user])
  }

  /// By event and day.
  func counts() async throws -> [EventCount] {
    try await database.read { db in try EventCount.fetchAll(db, sql: "SELECT * FROM counts") }
  }

  /// Counts an event.
  static func count(_ event: String, on day: String, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", arguments: [event, day])
  }
}
