package import EventBookingModel
internal import EventBookingRepositories
internal import Foundation

/// Turns one change of an event into one mail for each customer who booked it.
///
/// The customers are read in pages, in the order of their ids, and how far it is is saved after each page: memory does not
/// grow with their number, and what is interrupted goes on where it was. The last page may be put into the queue twice then,
/// with the same ids, which are made of the change and the customer: such a repeat sends no second mail.
package struct UpdateModule: Sendable {
  private let repositories: Repositories
  /// How many customers are read at a time.
  private let pageSize: Int

  init(repositories: Repositories, pageSize: Int = 500) {
    self.repositories = repositories
    self.pageSize = pageSize
  }

  /// Enqueues the job for a change of an event, with the change.
  package func announceChange(of event: Event, _ work: Work) throws {
    try work.transaction.queue.add(
      EventUpdate(eventId: event.eventId, eventTitle: event.title), id: "update-\(UUID().uuidString.lowercased())")
  }

  /// Enqueues the job for an event that is deleted, with the deletion.
  package func announceDeletion(of event: Event, _ work: Work) throws {
    try work.transaction.queue.add(
      EventUpdate(eventId: event.eventId, eventTitle: event.title), id: Self.deletion(event.eventId))
  }

  /// Enqueues the confirmation of a booking, with the booking.
  package func confirm(_ booking: Booking, of event: Event, to customer: User, _ work: Work) throws {
    try work.transaction.queue.add(
      BookingConfirmation(bookingId: booking.bookingId, customerEmail: customer.email, eventTitle: event.title),
      id: "booking-\(booking.bookingId)")
  }

  /// Puts a mail for each customer of the event into the queue. Returns how many there are, and `nil` when none has to be
  /// told any more, as the event was deleted and that has a job of its own.
  package func fanOut(_ job: EventUpdate, id: String) async throws -> Int? {
    let isDeletion = id == Self.deletion(job.eventId)
    let (event, saved) = try await repositories.read {
      (try $0.events.findAny(job.eventId), try $0.updates.find(id))
    }
    guard let event, isDeletion || event.deletedAt == nil else { return nil }
    var update = saved ?? Update(updateId: id, eventId: job.eventId)
    while try await fanOutPage(job, &update, to: isDeletion ? .eventDeleted : .booked) {
      try Task.checkCancellation()
    }
    return update.customers
  }

  /// Whether there may be another page.
  private func fanOutPage(_ job: EventUpdate, _ update: inout Update, to status: Booking.Status) async throws -> Bool {
    let last = update.lastCustomer
    let page = try await repositories.read { [pageSize] in
      try $0.bookings.customers(of: job.eventId, status: status, behind: last, limit: pageSize)
    }
    guard let end = page.last else { return false }
    let type = status == .booked ? MailModule.eventUpdate : MailModule.eventDeleted
    let updateID = update.updateId
    try await repositories.jobs.add(
      page.map {
        (
          id: "\(updateID)-\($0.customerId)",
          job: SendIndividualEmail(email: $0.email, eventTitle: job.eventTitle, type: type)
        )
      })
    update.lastCustomer = end.customerId
    update.customers += page.count
    try await repositories.write { [update] in try $0.updates.save(update) }
    return page.count == pageSize
  }

  private static func deletion(_ event: String) -> String { "deletion-\(event)" }
}
