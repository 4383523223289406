package import Foundation

/// Tickets of an event that a customer booked.
package struct Booking: Codable, Sendable, Equatable {
  /// What became of it.
  package enum Status: String, Codable, Sendable {
    case booked
    /// By the customer; the tickets are for sale again.
    case cancelled
    /// The organizer deleted the event.
    case eventDeleted
  }
  package var bookingId: String
  package var eventId: String
  package var customerId: String
  package var tickets: Int
  package var status: Status
  package var createdAt: Date

  package init(bookingId: String, eventId: String, customerId: String, tickets: Int, createdAt: Date) {
    self.bookingId = bookingId
    self.eventId = eventId
    self.customerId = customerId
    self.tickets = tickets
    status = .booked
    self.createdAt = createdAt
  }
}

/// A booking beside what its customer wants to know of the event.
package struct BookedEvent: Codable, Sendable, Equatable {
  package var bookingId: String
  package var eventId: String
  package var eventTitle: String
  package var date: Date
  package var location: String
  package var tickets: Int
  package var status: Booking.Status
  package var createdAt: Date
}
