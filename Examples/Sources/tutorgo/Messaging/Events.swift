public import Foundation
public import Warren

/// A student booked a lesson.
public struct BookingCreated: EventMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "booking.created"
  /// The booking.
  public var bookingId: String
  /// Its tutor.
  public var tutorId: String
  /// Its student.
  public var studentId: String
  /// What is taught.
  public var subject: String
  /// When the lesson is to begin.
  public var startTime: Date
  /// What it costs.
  public var totalAmount: Money
  /// When it happened.
  public var timestamp: Date

  /// An event.
  public init(
    bookingId: String, tutorId: String, studentId: String, subject: String, startTime: Date, totalAmount: Money,
    timestamp: Date
  ) {
    self.bookingId = bookingId
    self.tutorId = tutorId
    self.studentId = studentId
    self.subject = subject
    self.startTime = startTime
    self.totalAmount = totalAmount
    self.timestamp = timestamp
  }
}

/// The student or the tutor cancelled a lesson. It goes before what is not urgent: the other side may be on the way.
public struct BookingCancelled: EventMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "booking.cancelled"
  /// Above the others of its queue.
  public static let priority: Priority = .high
  /// The booking.
  public var bookingId: String
  /// Its tutor.
  public var tutorId: String
  /// Its student.
  public var studentId: String
  /// What is taught.
  public var subject: String
  /// When the lesson is to begin.
  public var startTime: Date
  /// Why, if that was said.
  public var cancellationReason: String?
  /// When it happened.
  public var timestamp: Date

  /// An event.
  public init(
    bookingId: String, tutorId: String, studentId: String, subject: String, startTime: Date,
    cancellationReason: String?, timestamp: Date
  ) {
    self.bookingId = bookingId
    self.tutorId = tutorId
    self.studentId = studentId
    self.subject = subject
    self.startTime = startTime
    self.cancellationReason = cancellationReason
    self.timestamp = timestamp
  }
}

/// A student paid for a lesson.
public struct PaymentCompleted: EventMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "payment.completed"
  /// The payment.
  public var paymentId: String
  /// The booking.
  public var bookingId: String
  /// Its tutor.
  public var tutorId: String
  /// Its student.
  public var studentId: String
  /// What it costs.
  public var totalAmount: Money
  /// When it happened.
  public var timestamp: Date

  /// An event.
  public init(
    paymentId: String, bookingId: String, tutorId: String, studentId: String, totalAmount: Money, timestamp: Date
  ) {
    self.paymentId = paymentId
    self.bookingId = bookingId
    self.tutorId = tutorId
    self.studentId = studentId
    self.totalAmount = totalAmount
    self.timestamp = timestamp
  }
}

/// A student reviewed a lesson.
public struct ReviewSubmitted: EventMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "review.submitted"
  /// The review.
  public var reviewId: String
  /// The booking.
  public var bookingId: String
  /// Its tutor.
  public var tutorId: String
  /// Its student.
  public var studentId: String
  /// 1 to 5.
  public var rating: Int
  /// What the student says.
  public var comment: String?
  /// When it happened.
  public var timestamp: Date

  /// An event.
  public init(
    reviewId: String, bookingId: String, tutorId: String, studentId: String, rating: Int, comment: String?,
    timestamp: Date
  ) {
    self.reviewId = reviewId
    self.bookingId = bookingId
    self.tutorId = tutorId
    self.studentId = studentId
    self.rating = rating
    self.comment = comment
    self.timestamp = timestamp
  }
}

/// The payment of a cancelled lesson is to be given back: one task, for the payment service.
public struct RefundPayment: JobMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "payment.refund"
  /// `payment.refund`, which the payment service consumes.
  public static let queue = Layout.refunds
  /// As for events.
  public static let retry = Layout.retry
  /// Flat JSON.
  public static let codec: any MessageCodec = FlatCodec()
  /// Above the others of its queue.
  public static let priority: Priority = .high
  /// The booking.
  public var bookingId: String
  /// The payment.
  public var paymentId: String
  /// How much is to be given back.
  public var amount: Money
  /// Why.
  public var reason: String

  /// A task.
  public init(bookingId: String, paymentId: String, amount: Money, reason: String) {
    self.bookingId = bookingId
    self.paymentId = paymentId
    self.amount = amount
    self.reason = reason
  }
}

/// Bookings that were neither paid nor confirmed before their lesson was to begin are to be cancelled: a task of a schedule.
public struct ExpireBookings: JobMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "booking.expire"
  /// `booking.expire`, which the booking service consumes.
  public static let queue = Layout.expiries
  /// As for events.
  public static let retry = Layout.retry
  /// Flat JSON.
  public static let codec: any MessageCodec = FlatCodec()
  /// Those whose lesson was to begin by then.
  public var before: Date

  /// A task.
  public init(before: Date) { self.before = before }
}
