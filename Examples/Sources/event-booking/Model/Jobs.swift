package import Foundation
package import Warren

/// The queue that all three jobs share.
package enum EmailQueue {
  package static let queue: Queue = "emailQueue"
  /// For a mail server that is busy: growing pauses, for about a day in all.
  package static let retry: RetryPolicy = .exponential(from: .seconds(2), retries: 30).jitter(0.1)
}

/// A customer has booked.
package struct BookingConfirmation: JobMessage, Equatable {
  package static let name: MessageName = "bookingConfirmation"
  package static let queue = EmailQueue.queue
  package static let retry = EmailQueue.retry
  package static let codec: any MessageCodec = .plain
  /// Before the mails of an update, which may be many.
  package static let priority = Priority.high

  package var bookingId: String
  package var customerEmail: String
  package var eventTitle: String

  package init(bookingId: String, customerEmail: String, eventTitle: String) {
    self.bookingId = bookingId
    self.customerEmail = customerEmail
    self.eventTitle = eventTitle
  }
}

/// An organizer has changed or deleted an event: its customers have to be told.
package struct EventUpdate: JobMessage, Equatable {
  package static let name: MessageName = "eventUpdate"
  package static let queue = EmailQueue.queue
  package static let retry = EmailQueue.retry
  package static let codec: any MessageCodec = .plain
  package static let priority = Priority.high

  package var eventId: String
  package var eventTitle: String

  package init(eventId: String, eventTitle: String) {
    self.eventId = eventId
    self.eventTitle = eventTitle
  }
}

/// One customer has to be told.
package struct SendIndividualEmail: JobMessage, Equatable {
  package static let name: MessageName = "sendIndividualEmail"
  package static let queue = EmailQueue.queue
  package static let retry = EmailQueue.retry
  package static let codec: any MessageCodec = .plain

  package var email: String
  package var eventTitle: String
  /// `eventUpdate` or `eventDeleted`.
  package var type: String

  package init(email: String, eventTitle: String, type: String) {
    self.email = email
    self.eventTitle = eventTitle
    self.type = type
  }
}

/// Which job a handler works on.
package struct JobInfo: Sendable, Equatable {
  /// The id of its message: the same at each try.
  package var id: String
  /// When it was made.
  package var date: Date

  package init(id: String, date: Date) {
    self.id = id
    self.date = date
  }
}
