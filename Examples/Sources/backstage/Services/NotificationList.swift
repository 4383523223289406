internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird

/// The stored notifications.
enum NotificationList {
  struct Entry: Codable, FetchableRecord {
    var notificationId: Int
    var userId: Int
    var type: String
    var title: String
    var message: String
    var relatedId: Int?
    var relatedType: String?
    var isRead: Bool
    var createdAt: Date
  }

  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE notifications (
          notificationId INTEGER PRIMARY KEY AUTOINCREMENT, userId INTEGER NOT NULL, type TEXT NOT NULL, title TEXT NOT NULL,
          message TEXT NOT NULL, relatedId INTEGER, relatedType TEXT, isRead INTEGER NOT NULL DEFAULT 0, createdAt TEXT NOT NULL);
        CREATE INDEX notificationsOfUser ON notifications (userId, isRead);
        """)
  }

  static func add(_ texts: Texts, to user: Int, in db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO notifications (userId, type, title, message, relatedId, relatedType, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [user, texts.kind, texts.title, texts.message, texts.relatedId, texts.relatedType, Date.now])
  }

  static func of(_ user: Int, in db: Database) throws -> [Entry] {
    try Entry.fetchAll(
      db, sql: "SELECT * FROM notifications WHERE userId = ? ORDER BY notificationId DESC LIMIT ?",
      arguments: [user, Limits.list])
  }

  static func unread(of user: Int, in db: Database) throws -> Int {
    try Int.fetchOne(
      db, sql: "SELECT count(*) FROM notifications WHERE userId = ? AND isRead = 0", arguments: [user]) ?? 0
  }

  /// Marks one as read, or all. Throws a 404 when there is no such one.
  static func read(_ id: Int?, of user: Int, in db: Database) throws {
    try db.execute(
      sql: "UPDATE notifications SET isRead = 1 WHERE userId = ? AND (notificationId = ? OR ?)",
      arguments: [user, id, id == nil])
    try check(id, db)
  }

  /// Deletes one, or all. Throws a 404 when there is no such one.
  static func delete(_ id: Int?, of user: Int, in db: Database) throws {
    try db.execute(
      sql: "DELETE FROM notifications WHERE userId = ? AND (notificationId = ? OR ?)", arguments: [user, id, id == nil])
    try check(id, db)
  }

  static func delete(ofUser user: Int, in db: Database) throws { try delete(nil, of: user, in: db) }

  private static func check(_ id: Int?, _ db: Database) throws {
    if let id, db.changesCount == 0 { throw APIError.notFound("notification", "\(id)") }
  }
}

/// Reading, marking and deleting one's notifications.
struct NotificationRoutes: Sendable {
  private struct Answer: Encodable {
    var notifications: [NotificationList.Entry]?
    var unreadCount: Int
  }
  let data: ServiceStore

  func add(to routes: RouterGroup<BasicRequestContext>) {
    let list = routes.group("users/:id/notifications")
    list.get { _, context in try await show(try Self.user(context), isWhole: true) }
    list.get("unread") { _, context in try await show(try Self.user(context), isWhole: false) }
    list.put("read") { _, context in
      let user = try Self.user(context)
      try await data.write { db in try NotificationList.read(nil, of: user, in: db) }
      return try await show(user, isWhole: false)
    }
    list.put(":notification/read") { _, context in
      let (user, id) = (try Self.user(context), try context.number("notification", of: "notification"))
      try await data.write { db in try NotificationList.read(id, of: user, in: db) }
      return try await show(user, isWhole: false)
    }
    list.delete { _, context in
      let user = try Self.user(context)
      try await data.write { db in try NotificationList.delete(nil, of: user, in: db) }
      return Response(status: .noContent)
    }
    list.delete(":notification") { _, context in
      let (user, id) = (try Self.user(context), try context.number("notification", of: "notification"))
      try await data.write { db in try NotificationList.delete(id, of: user, in: db) }
      return Response(status: .noContent)
    }
  }

  private func show(_ user: Int, isWhole: Bool) async throws -> Response {
    let answer = try await data.read { db in
      Answer(
        notifications: isWhole ? try NotificationList.of(user, in: db) : nil,
        unreadCount: try NotificationList.unread(of: user, in: db))
    }
    return .snake(answer)
  }

  private static func user(_ context: BasicRequestContext) throws -> Int { try context.number(of: "user") }
}
