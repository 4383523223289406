internal import Foundation
internal import GRDB
internal import Logging
internal import Synchronization
internal import TutorGoMessaging
internal import Warren
internal import WarrenGRDB

/// The notification service's consumers: each event tells student and tutor what it means for them, in the application and
/// by mail. A repeat changes nothing.
struct NotificationHandlers: Sendable {
  let store: Store
  let mails: NotificationMails
  private let mailing = MessagesInHand()

  init(store: Store, mails: NotificationMails) {
    self.store = store
    self.mails = mails
  }

  private struct Notice {
    var userId: String
    var subject: String
    var message: String
  }

  @WorkerBuilder func subscriptions(_ consumer: EventConsumer) -> [WorkerComponent] {
    consumer.subscription("notification.booking", to: "booking.created", "booking.cancelled", retry: mails.retry) {
      On(BookingCreated.self, created)
      On(BookingCancelled.self, cancelled)
    }
    .waitingForMailServer()
    consumer.subscription("notification.payment", to: "payment.completed", retry: mails.retry) {
      On(PaymentCompleted.self, paid)
    }
    .waitingForMailServer()
    consumer.subscription("notification.review", to: "review.submitted", retry: mails.retry) {
      On(ReviewSubmitted.self, reviewed)
    }
    .waitingForMailServer()
  }

  func created(_ event: BookingCreated, _ context: HandlerContext) async throws {
    let what = "\(event.subject) on \(event.startTime.formatted(.iso8601))"
    try await tell(
      [
        Notice(
          userId: event.tutorId, subject: "New Booking Request",
          message: "\(event.studentId) would like a lesson: \(what), \(event.totalAmount)"),
        Notice(
          userId: event.studentId, subject: "Booking Created",
          message: "Your lesson is booked: \(what), \(event.totalAmount)"),
      ], booking: event.bookingId, context)
  }

  func cancelled(_ event: BookingCancelled, _ context: HandlerContext) async throws {
    let reason = event.cancellationReason.map { ": \($0)" } ?? ""
    let message = "The lesson \(event.subject) on \(event.startTime.formatted(.iso8601)) was cancelled\(reason)"
    try await tell(
      [event.tutorId, event.studentId].map { Notice(userId: $0, subject: "Booking Cancelled", message: message) },
      booking: event.bookingId, context)
  }

  func paid(_ event: PaymentCompleted, _ context: HandlerContext) async throws {
    try await tell(
      [
        Notice(
          userId: event.tutorId, subject: "Payment Received", message: "\(event.studentId) paid \(event.totalAmount)"),
        Notice(
          userId: event.studentId, subject: "Payment Confirmed",
          message: "Your payment of \(event.totalAmount) has arrived"),
      ], booking: event.bookingId, context)
  }

  func reviewed(_ event: ReviewSubmitted, _ context: HandlerContext) async throws {
    let stars = "\(event.rating) of 5"
    try await tell(
      [
        Notice(
          userId: event.tutorId, subject: "New Review Received",
          message: "\(event.studentId) gave you \(stars)\(event.comment.map { ": \($0)" } ?? "")")
      ], booking: event.bookingId, context)
  }

  private func tell(_ notices: [Notice], booking: String, _ context: HandlerContext) async throws {
    guard let id = context.message.id else {
      throw Outcome.deadLetter("the message has no id, and nothing in it that could be one")
    }
    let correlation = context.message.correlationID ?? id.rawValue
    let type = context.message.name?.rawValue ?? context.routingKey.rawValue
    let time = context.message.timestamp ?? store.clock.now
    try await store.inbox.once(context, "notify") { [notices] db in
      for (number, notice) in notices.enumerated() {
        try Notification(
          notificationId: "\(id)-\(number)", messageId: id.rawValue, userId: notice.userId, type: type,
          subject: notice.subject, message: notice.message, bookingId: booking, correlationId: correlation,
          createdAt: time
        ).insert(db)
      }
    }
    // The same message may be here twice at once: the second waits until it is known what became of the first.
    guard mailing.begin(id) else { throw Outcome.postpone(for: .seconds(1)) }
    defer { mailing.end(id) }
    // What was mailed is noted one by one: when the second mail fails, the first is not sent again.
    for (notification, contact) in try await store.unmailed(of: id.rawValue) {
      try await mails.send(notification, to: contact)
      try await store.markMailed(notification.notificationId)
    }
    context.logger.info("Users notified", metadata: ["users": "\(notices.map(\.userId))"])
  }
}

/// Which messages this process sends the mails of at the moment.
private final class MessagesInHand: Sendable {
  private let ids = Mutex<Set<MessageID>>([])
  func begin(_ id: MessageID) -> Bool { ids.withLock { $0.insert(id).inserted } }
  func end(_ id: MessageID) { ids.withLock { _ = $0.remove(id) } }
}
