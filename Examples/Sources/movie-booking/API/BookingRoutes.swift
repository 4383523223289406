internal import Accounts
internal import ExampleSupport
internal import Foundation
internal import Hummingbird

/// Movies, the seats of a show, and booking them.
struct BookingRoutes {
  let store: Store

  private struct NewBooking: Decodable {
    var showId: String
    var seats: [String]
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.get("movies") { _, _ in Response.json(["movies": try await store.movies()]) }
    routes.get("shows/:id") { _, context in Response.json(try await store.show(context.pathID)) }
    routes.post("bookings") { request, _ in try await book(request) }
    routes.get("bookings") { _, _ in
      Response.json(["bookings": try await store.bookings(of: CurrentCaller.required().id)])
    }
  }

  private func book(_ request: Request) async throws -> Response {
    struct Booked: Encodable {
      var bookingId: String
      var showId: String
      var seats: [String]
      var email: String
    }
    let caller = try CurrentCaller.required()
    let body = try await request.json(NewBooking.self, hint: "at most \(Limits.seats) seats can be booked at a time")
    let seats = try Checked.list(body.seats, field: "seats", atMost: Limits.seats, each: 4)
    if seats.isEmpty { throw APIError.field("seats", "is empty: name at least one") }
    if seats.count < body.seats.count { throw APIError.field("seats", "names a seat twice") }
    let booking = Booking(
      bookingId: UUID().uuidString.lowercased(), showId: try Checked.text(body.showId, field: "showId", atMost: 64),
      userId: caller.id, seats: seats, createdAt: .now)
    try await store.book(booking)
    return .json(
      Booked(bookingId: booking.bookingId, showId: booking.showId, seats: booking.seats, email: "queued"),
      status: .created)
  }
}
