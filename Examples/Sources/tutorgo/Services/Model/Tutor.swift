internal import Foundation
internal import GRDB
internal import TutorGoMessaging

/// A person who gives lessons.
struct Tutor: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "tutors"
  var tutorId: String
  var name: String
  var subjects: [String]
  var hourlyRate: Money
}

/// What a student thinks of a lesson.
struct Review: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "reviews"
  var reviewId: String
  var bookingId: String
  var tutorId: String
  var studentId: String
  /// 1 to 5.
  var rating: Int
  var comment: String?
  var createdAt: Date
}
