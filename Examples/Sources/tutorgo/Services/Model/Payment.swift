internal import Foundation
internal import GRDB
internal import TutorGoMessaging

/// What a student paid for a booking, and what of it was given back.
struct Payment: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "payments"

  enum Status: String, Codable, Sendable, DatabaseValueConvertible {
    case completed
    case refunded
  }
  var paymentId: String
  var bookingId: String
  var tutorId: String
  var studentId: String
  var totalAmount: Money
  var status: Status
  var createdAt: Date
  var refundedAmount: Money?
  var refundReason: String?
  var refundedAt: Date?
}
