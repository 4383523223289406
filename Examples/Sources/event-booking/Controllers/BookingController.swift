internal import Accounts
package import EventBookingAppModules
internal import EventBookingModel
internal import ExampleSupport
internal import Foundation
package import Hummingbird

/// Requests about bookings.
package struct BookingController: Sendable {
  private let bookings: BookingAppModule
  package init(_ bookings: BookingAppModule) { self.bookings = bookings }

  private struct NewBooking: Decodable {
    var eventId: String
    var tickets: Int
  }
  private struct Shown: Encodable {
    var bookingId: String
    var eventId: String
    var tickets: Int
    var status: Booking.Status
    /// `queued` for a booking that is new: its mail is on its way.
    var email: String?

    init(_ booking: Booking, email: String? = nil) {
      bookingId = booking.bookingId
      eventId = booking.eventId
      tickets = booking.tickets
      status = booking.status
      self.email = email
    }
  }

  package func book(_ request: Request) async throws -> Response {
    let body = try await request.json(NewBooking.self, hint: "send eventId and tickets")
    let event = try Checked.text(body.eventId, field: "eventId", atMost: 64)
    let booking = try await bookings.book(body.tickets, of: event, customer: try CurrentCaller.required().id)
    return .json(Shown(booking, email: "queued"), status: .created)
  }

  package func mine(_ request: Request) async throws -> Response {
    let page = try Page(request)
    return .json(["bookings": try await bookings.list(of: try CurrentCaller.required().id, page)])
  }

  package func cancel(_ id: String) async throws -> Response {
    .json(Shown(try await bookings.cancel(id, customer: try CurrentCaller.required().id)))
  }
}
