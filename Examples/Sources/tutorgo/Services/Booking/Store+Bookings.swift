internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import TutorGoMessaging
internal import Warren

extension Store {
  /// What a student asks for.
  struct Lesson: Sendable {
    var tutorId: String
    var studentId: String
    var subject: String
    var startTime: Date
    var endTime: Date
    /// What the student expects to pay, if it says so.
    var totalAmount: Money?
  }

  /// Books a lesson and publishes ``BookingCreated``. Two callers never get one slot, since writes come one after the other.
  func book(_ lesson: Lesson, _ trace: RequestTrace) async throws -> Booking {
    try await database.write { db in
      let now = clock.now
      try BookingRules.checkTimes(from: lesson.startTime, to: lesson.endTime, now: now)
      guard let tutor = try Tutor.fetchOne(db, key: lesson.tutorId) else {
        throw APIError.notFound("tutor", lesson.tutorId)
      }
      guard tutor.subjects.contains(lesson.subject) else {
        throw APIError.field("subject", "must be one of the tutor's: \(tutor.subjects.joined(separator: ", "))")
      }
      if tutor.tutorId == lesson.studentId { throw APIError.field("tutorId", "is yourself: book another tutor") }
      let price = BookingRules.price(tutor.hourlyRate, from: lesson.startTime, to: lesson.endTime)
      if let expected = lesson.totalAmount, expected != price {
        throw APIError.field("totalAmount", "is \(expected), and the lesson costs \(price): leave it out or correct it")
      }
      for (column, user, code, who) in [
        ("tutorId", tutor.tutorId, "slot_taken", "the tutor has"),
        ("studentId", lesson.studentId, "student_busy", "you have"),
      ] {
        let other = try Booking.fetchOne(
          db,
          sql: """
            SELECT * FROM bookings WHERE \(column) = ? AND endTime > ? AND startTime < ?
              AND status IN ('pending', 'confirmed') LIMIT 1
            """, arguments: [user, lesson.startTime, lesson.endTime])
        if other != nil {
          throw APIError.conflict(code, "startTime: \(who) another lesson then: choose another time")
        }
      }
      let booking = Booking(
        bookingId: UUID().uuidString.lowercased(), tutorId: tutor.tutorId, studentId: lesson.studentId,
        subject: lesson.subject, startTime: lesson.startTime, endTime: lesson.endTime, totalAmount: price,
        status: .pending, createdAt: now)
      try booking.insert(db)
      try publish(
        BookingCreated(
          bookingId: booking.bookingId, tutorId: booking.tutorId, studentId: booking.studentId,
          subject: booking.subject,
          startTime: booking.startTime, totalAmount: price, timestamp: now), trace, db)
      return booking
    }
  }

  /// Cancels a booking, publishes ``BookingCancelled``, and asks for the refund of what was paid: all of it or nothing.
  func cancel(_ id: String, by user: String, reason: String?, _ trace: RequestTrace) async throws -> Booking {
    try await database.write { db in
      let now = clock.now
      var booking = try Self.booking(id, of: user, db)
      try BookingRules.checkCancellation(of: booking, now: now)
      booking.status = .cancelled
      booking.cancellationReason = reason
      try booking.update(db)
      try publish(
        BookingCancelled(
          bookingId: id, tutorId: booking.tutorId, studentId: booking.studentId, subject: booking.subject,
          startTime: booking.startTime, cancellationReason: reason, timestamp: now), trace, db)
      if let payment = try Payment.filter(Column("bookingId") == id).fetchOne(db) {
        try enqueue(
          RefundPayment(
            bookingId: id, paymentId: payment.paymentId, amount: payment.totalAmount,
            reason: reason ?? "the booking was cancelled"),
          id: MessageID("refund-\(payment.paymentId)"), trace, db)
      }
      return booking
    }
  }

  /// Cancels the bookings that were neither paid nor confirmed before their lesson was to begin, and publishes ``BookingCancelled`` of
  /// each. Returns how many there were.
  func expire(before time: Date) async throws -> Int {
    try await database.write { db in
      let late = try Booking.fetchAll(
        db, sql: "SELECT * FROM bookings WHERE status = 'pending' AND startTime <= ? ORDER BY startTime, bookingId",
        arguments: [time])
      for var booking in late {
        booking.status = .cancelled
        booking.cancellationReason = "it was neither paid nor confirmed before the lesson was to begin"
        try booking.update(db)
        try publish(
          BookingCancelled(
            bookingId: booking.bookingId, tutorId: booking.tutorId, studentId: booking.studentId,
            subject: booking.subject, startTime: booking.startTime, cancellationReason: booking.cancellationReason,
            timestamp: clock.now), RequestTrace(), db)
      }
      return late.count
    }
  }

  /// Confirms or completes a booking of this tutor.
  func change(_ id: String, to status: Booking.Status, by tutor: String) async throws -> Booking {
    try await database.write { db in
      var booking = try Self.booking(id, of: tutor, db)
      guard booking.tutorId == tutor else {
        throw APIError.forbidden("only the tutor of a booking confirms and completes it")
      }
      try BookingRules.checkChange(of: booking, to: status, now: clock.now)
      booking.status = status
      try booking.update(db)
      return booking
    }
  }

  func booking(_ id: String, of user: String) async throws -> Booking {
    try await database.read { db in try Self.booking(id, of: user, db) }
  }

  /// The bookings of a user, as student and as tutor, the latest lessons first.
  func bookings(of user: String) async throws -> [Booking] {
    try await database.read { db in
      try Booking.fetchAll(
        db, sql: "SELECT * FROM bookings WHERE studentId = ?1 OR tutorId = ?1 ORDER BY startTime DESC LIMIT 1000",
        arguments: [user])
    }
  }

  /// A booking, for its student and its tutor. To others it does not exist.
  static func booking(_ id: String, of user: String, _ db: Database) throws -> Booking {
    guard let booking = try Booking.fetchOne(db, key: id), [booking.studentId, booking.tutorId].contains(user) else {
      throw APIError.notFound("booking", id)
    }
    return booking
  }
}
