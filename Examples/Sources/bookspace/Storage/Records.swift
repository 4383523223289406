internal import Foundation
internal import GRDB

/// A document, as it is stored and as it is answered.
struct Document: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "documents"
  var documentId: String
  var title: String
  var content: String
  var tags: [String]
  var createdBy: String
  var createdAt: Date
  var updatedAt: Date
  /// 1, and one more with each change.
  var version = 1
}

/// What a document was before a change.
struct Version: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "versions"
  var documentId: String
  var version: Int
  var title: String
  var content: String
  var tags: [String]
  var updatedAt: Date

  init(_ document: Document) {
    documentId = document.documentId
    version = document.version
    title = document.title
    content = document.content
    tags = document.tags
    updatedAt = document.updatedAt
  }
}

/// A comment on a document.
struct Comment: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "comments"
  var commentId: String
  var documentId: String
  var content: String
  var createdBy: String
  var createdAt: Date
}

/// A registered user.
struct User: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "users"
  var userId: String
  var name: String
  var email: String
  var createdAt: Date
}

/// What a user is told.
struct Notification: Codable, Equatable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "notifications"
  /// That of the event, so that an event can tell a user one thing only.
  var notificationId: String
  var userId: String
  var type: String
  var message: String
  var createdAt: Date
}

/// How many events of a type there were on a day.
struct EventCount: Codable, Equatable, Sendable, FetchableRecord {
  var event: String
  /// In UTC, as `2026-11-21`.
  var day: String
  var count: Int
}
