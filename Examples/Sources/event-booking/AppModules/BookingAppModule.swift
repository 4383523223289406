package import EventBookingModel
package import EventBookingModules
internal import Foundation

/// Bookings, and that each is confirmed.
package struct BookingAppModule: Sendable {
  private let modules: Modules
  package init(_ modules: Modules) { self.modules = modules }

  package func list(of customer: String, _ page: Page) async throws -> [BookedEvent] {
    try await modules.bookings.list(of: customer, page)
  }

  /// Books tickets and enqueues the confirmation, as one transaction.
  package func book(_ tickets: Int, of eventID: String, customer: String) async throws -> Booking {
    try await modules.atomically { work in
      let user = try modules.accounts.user(customer, work)
      let event = try modules.events.find(eventID, work)
      let booking = try modules.bookings.book(tickets, of: event, customer: user, now: .now, work)
      try modules.updates.confirm(booking, of: event, to: user, work)
      return booking
    }
  }

  package func cancel(_ id: String, customer: String) async throws -> Booking {
    try await modules.atomically { work in
      let booking = try modules.bookings.own(id, of: customer, work)
      try modules.bookings.checkStands(booking)
      let event = try modules.events.find(booking.eventId, work)
      return try modules.bookings.cancel(booking, of: event, now: .now, work)
    }
  }
}
