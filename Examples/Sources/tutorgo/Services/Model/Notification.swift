internal import Foundation
internal import GRDB

/// What a user is told about an event.
struct Notification: Codable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "notifications"
  var notificationId: String
  /// The event's.
  var messageId: String
  var userId: String
  /// The event's name.
  var type: String
  var subject: String
  var message: String
  var bookingId: String
  var correlationId: String?
  var createdAt: Date
  /// When its mail was taken by the mail server; a user without an address gets none.
  var mailedAt: Date?
}

/// Where a user gets mails.
struct Contact: Codable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "contacts"
  var userId: String
  var name: String
  var email: String
}
