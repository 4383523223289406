internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import TutorGoMessaging
internal import Warren

extension Store {
  /// A tutor with its reviews.
  struct Profile: Encodable, Sendable {
    var tutor: Tutor
    /// Of all reviews; missing when there are none.
    var averageRating: Double?
    /// The newest hundred.
    var reviews: [Review]
  }

  func save(_ tutor: Tutor) async throws { try await database.write { db in try tutor.save(db) } }

  func tutors() async throws -> [Tutor] {
    try await database.read { db in try Tutor.order(Column("name")).limit(1000).fetchAll(db) }
  }

  func profile(_ id: String) async throws -> Profile {
    try await database.read { db in
      guard let tutor = try Tutor.fetchOne(db, key: id) else { throw APIError.notFound("tutor", id) }
      return Profile(
        tutor: tutor,
        averageRating: try Double.fetchOne(
          db, sql: "SELECT avg(rating) FROM reviews WHERE tutorId = ?", arguments: [id]),
        reviews: try Review.filter(Column("tutorId") == id).order(Column("createdAt").desc).limit(100).fetchAll(db))
    }
  }

  /// Saves a student's review of a lesson that is over, once, and publishes ``ReviewSubmitted``.
  func review(
    _ booking: String, by student: String, rating: Int, comment: String?, _ trace: RequestTrace
  ) async throws -> Review {
    try await database.write { db in
      let booking = try Self.booking(booking, of: student, db)
      guard booking.studentId == student else { throw APIError.forbidden("only the student of a booking reviews it") }
      guard booking.status == .completed else {
        throw APIError.conflict(
          "not_completed", "bookingId: the booking is \(booking.status.rawValue): review it when it is completed")
      }
      if try Review.filter(Column("bookingId") == booking.bookingId).fetchCount(db) > 0 {
        throw APIError.conflict("already_reviewed", "bookingId: the booking is reviewed already")
      }
      let review = Review(
        reviewId: UUID().uuidString.lowercased(), bookingId: booking.bookingId, tutorId: booking.tutorId,
        studentId: student, rating: rating, comment: comment, createdAt: clock.now)
      try review.insert(db)
      try publish(
        ReviewSubmitted(
          reviewId: review.reviewId, bookingId: review.bookingId, tutorId: review.tutorId, studentId: student,
          rating: rating, comment: comment, timestamp: review.createdAt), trace, db)
      return review
    }
  }
}
