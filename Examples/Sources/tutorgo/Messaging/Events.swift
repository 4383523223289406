public import Foundation
public import Warren

/// A student booked a lesson.
public struct BookingCreated: EventMessage, Equatable {
  /// Also the routing key.
  public static let name: MessageName = "booking.created"
  public var bookingId: String
  public var tutorId: String
  public var studentId: String
  public var subject: String
  public var startTime: Date
  public var totalAmount: Money
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
  public var bookingId: String
  public var tutorId: String
  public var studentId: String
  public var subject: String
  public var startTime: Date
  public var cancellationReason: String?
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
  public var paymentId: String
  public var bookingId: String
  public var tutorId: String
  public var studentId: String
  public var totalAmount: Money
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
  public var reviewId: String
  public var bookingId: String
  public var tutorId: String
  public var studentId: String
  public var rating: Int
  public var comment: String?
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
  public static let name: MessageName = "payment.refund"
  public static let queue = Layout.refunds
  public static let retry = Layout.retry
  public static let codec: any MessageCodec = FlatCodec()
  public static let priority: Priority = .high
  public var bookingId: String
  public var paymentId: String
  public var amount: Money
  public var reason: String

  /// A task.
  public init(bookingId: String, paymentId: String, amount: Money, reason: String) {
    self.bookingId = bookingId
    self.paymentId = paymentId
    self.amount = amount
    self.reason = reason
  }
}
