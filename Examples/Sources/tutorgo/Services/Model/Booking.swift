internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import TutorGoMessaging

/// A lesson that a student booked.
struct Booking: Codable, Sendable, Equatable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "bookings"

  /// pending → confirmed → completed, or cancelled before that.
  enum Status: String, Codable, Sendable, DatabaseValueConvertible {
    case pending
    case confirmed
    case completed
    case cancelled
  }
  var bookingId: String
  var tutorId: String
  var studentId: String
  var subject: String
  var startTime: Date
  var endTime: Date
  var totalAmount: Money
  var status: Status
  var cancellationReason: String?
  var createdAt: Date
}

/// What may be booked, confirmed, completed and cancelled, and when.
enum BookingRules {
  static let noticeOfCancellation: TimeInterval = 24 * 3600
  static let longestLesson: TimeInterval = 12 * 3600
  static let farthest: TimeInterval = 2 * 366 * 86_400

  static func checkTimes(from start: Date, to end: Date, now: Date) throws {
    if start <= now { throw APIError.field("startTime", "is in the past: choose a time to come") }
    if end <= start { throw APIError.field("endTime", "must be after startTime") }
    if end.timeIntervalSince(start) > longestLesson {
      throw APIError.field("endTime", "is more than 12 hours after startTime")
    }
    if start.timeIntervalSince(now) > farthest { throw APIError.field("startTime", "is more than two years away") }
  }

  /// The price of a lesson, rounded up to a cent.
  static func price(_ hourlyRate: Money, from start: Date, to end: Date) -> Money {
    let milliseconds = Int64((end.timeIntervalSince(start) * 1000).rounded())
    let (cents, rest) = (hourlyRate.cents * milliseconds).quotientAndRemainder(dividingBy: 3_600_000)
    return Money(cents: max(1, cents + (rest > 0 ? 1 : 0)))
  }

  static func checkCancellation(of booking: Booking, now: Date) throws {
    guard [.pending, .confirmed].contains(booking.status) else {
      throw APIError.conflict("not_open", "the booking is \(booking.status.rawValue): it cannot be cancelled")
    }
    if booking.startTime.timeIntervalSince(now) < noticeOfCancellation {
      throw APIError.conflict("too_late", "the lesson begins in less than 24 hours: it can no longer be cancelled")
    }
  }

  static func checkChange(of booking: Booking, to status: Booking.Status, now: Date) throws {
    switch (booking.status, status) {
    case (.pending, .confirmed): if booking.startTime <= now { throw missed }
    case (.confirmed, .completed):
      if booking.endTime > now {
        throw APIError.conflict(
          "not_over", "the lesson is not over yet: it can be completed after \(booking.endTime.formatted(.iso8601))")
      }
    case (_, .pending), (_, .cancelled):
      throw APIError.field("status", "must be confirmed or completed; to cancel, use DELETE")
    default:
      throw APIError.conflict(
        "not_possible", "the booking is \(booking.status.rawValue) and cannot become \(status.rawValue)")
    }
  }

  static func checkPayment(of booking: Booking, now: Date) throws {
    guard [.pending, .confirmed].contains(booking.status) else {
      throw APIError.conflict("not_open", "the booking is \(booking.status.rawValue): it cannot be paid")
    }
    if booking.status == .pending, booking.startTime <= now { throw missed }
  }

  private static var missed: APIError {
    .conflict("missed", "the lesson was not confirmed before it was to begin: book another")
  }
}
