package import EventBookingModel
internal import EventBookingRepositories
internal import ExampleSupport
package import Foundation

/// Booking and cancelling.
package struct BookingModule: Sendable {
  let repositories: Repositories

  /// How many tickets one booking may have.
  package static let tickets = 1...10

  package func list(of customer: String, _ page: Page) async throws -> [BookedEvent] {
    try await repositories.read { try $0.bookings.list(of: customer, limit: page.limit, offset: page.offset) }
  }

  /// Books tickets of an event, if so many are left.
  package func book(_ tickets: Int, of event: Event, customer: User, now: Date, _ work: Work) throws -> Booking {
    guard Self.tickets.contains(tickets) else {
      throw APIError.field("tickets", "is \(tickets): 1 to 10 can be booked at a time")
    }
    guard event.date > now else { throw Self.isOver(event) }
    guard try work.transaction.events.sell(tickets, of: event.eventId) else {
      throw APIError.conflict(
        "sold_out", "tickets is \(tickets), and '\(event.title)' has \(event.totalTickets - event.ticketsSold) left")
    }
    let booking = Booking(
      bookingId: UUID().uuidString.lowercased(), eventId: event.eventId, customerId: customer.userId, tickets: tickets,
      createdAt: now)
    try work.transaction.bookings.add(booking)
    return booking
  }

  /// The booking, if it is this customer's. To others it does not exist.
  package func own(_ id: String, of customer: String, _ work: Work) throws -> Booking {
    guard let booking = try work.transaction.bookings.find(id), booking.customerId == customer else {
      throw APIError.notFound("booking", id)
    }
    return booking
  }

  /// Refuses a booking that has ended before.
  package func checkStands(_ booking: Booking) throws {
    if booking.status != .booked { throw Self.isCancelled }
  }

  /// Cancels a booking; its tickets are for sale again.
  package func cancel(_ booking: Booking, of event: Event, now: Date, _ work: Work) throws -> Booking {
    guard event.date > now else { throw Self.isOver(event) }
    guard try work.transaction.bookings.cancel(booking.bookingId) else { throw Self.isCancelled }
    try work.transaction.events.takeBack(booking.tickets, of: event.eventId)
    var booking = booking
    booking.status = .cancelled
    return booking
  }

  private static var isCancelled: APIError {
    .conflict("cancelled_already", "this booking was cancelled before, or its event was deleted")
  }

  private static func isOver(_ event: Event) -> APIError {
    .conflict("event_over", "'\(event.title)' is over or has begun")
  }
}
