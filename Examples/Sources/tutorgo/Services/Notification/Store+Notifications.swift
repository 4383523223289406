internal import Foundation
internal import GRDB
internal import Warren

extension Store {
  /// The newest hundred of a user.
  func notifications(of user: String) async throws -> [Notification] {
    try await database.read { db in
      try Notification.fetchAll(
        db, sql: "SELECT * FROM notifications WHERE userId = ? ORDER BY number DESC LIMIT 100", arguments: [user])
    }
  }

  func save(_ contact: Contact) async throws { try await database.write { db in try contact.save(db) } }

  /// The notifications of a message that are to be mailed and were not, with their addresses.
  func unmailed(of message: String) async throws -> [(Notification, Contact)] {
    try await database.read { db in
      try Notification.fetchAll(
        db, sql: "SELECT * FROM notifications WHERE messageId = ? AND mailedAt IS NULL ORDER BY number",
        arguments: [message]
      ).compactMap { notification in
        try Contact.fetchOne(db, key: notification.userId).map { (notification, $0) }
      }
    }
  }

  func markMailed(_ notification: String) async throws {
    try await database.write { db in
      try db.execute(
        sql: "UPDATE notifications SET mailedAt = ? WHERE notificationId = ?", arguments: [clock.now, notification])
    }
  }
}
