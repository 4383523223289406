internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import TutorGoMessaging
internal import Warren

extension Store {
  /// Notes the payment of a booking by its student, which confirms it, and publishes ``PaymentCompleted``. A booking is paid once.
  func pay(_ booking: String, by student: String, amount: Money?, _ trace: RequestTrace) async throws -> Payment {
    try await database.write { db in
      let now = clock.now
      var booking = try Self.booking(booking, of: student, db)
      guard booking.studentId == student else { throw APIError.forbidden("only the student of a booking pays it") }
      if try Payment.filter(Column("bookingId") == booking.bookingId).fetchCount(db) > 0 {
        throw APIError.conflict("already_paid", "bookingId: the booking is paid already")
      }
      try BookingRules.checkPayment(of: booking, now: now)
      if let amount, amount != booking.totalAmount {
        throw APIError.field(
          "amount", "is \(amount), and the booking costs \(booking.totalAmount): leave it out or correct it")
      }
      let payment = Payment(
        paymentId: UUID().uuidString.lowercased(), bookingId: booking.bookingId, tutorId: booking.tutorId,
        studentId: student, totalAmount: booking.totalAmount, status: .completed, createdAt: now)
      try payment.insert(db)
      booking.status = .confirmed
      try booking.update(db)
      try publish(
        PaymentCompleted(
          paymentId: payment.paymentId, bookingId: booking.bookingId, tutorId: booking.tutorId, studentId: student,
          totalAmount: payment.totalAmount, timestamp: now), trace, db)
      return payment
    }
  }

  /// A payment, for its student and its tutor. To others it does not exist.
  func payment(_ id: String, of user: String) async throws -> Payment {
    try await database.read { db in
      guard let payment = try Payment.fetchOne(db, key: id), [payment.studentId, payment.tutorId].contains(user) else {
        throw APIError.notFound("payment", id)
      }
      return payment
    }
  }

  /// Gives a payment back, once.
  ///
  /// - Returns: whether it was not given back before.
  static func refund(_ job: RefundPayment, now: Date, _ db: Database) throws -> Bool {
    guard var payment = try Payment.fetchOne(db, key: job.paymentId) else {
      throw Outcome.deadLetter("there is no payment '\(job.paymentId)'")
    }
    guard payment.bookingId == job.bookingId, job.amount.cents > 0, job.amount <= payment.totalAmount else {
      throw Outcome.deadLetter(
        "the refund of \(job.amount) for the booking '\(job.bookingId)' does not fit the payment '\(job.paymentId)'")
    }
    if payment.status == .refunded { return false }
    payment.status = .refunded
    payment.refundedAmount = job.amount
    payment.refundReason = job.reason
    payment.refundedAt = now
    try payment.update(db)
    return true
  }
}
