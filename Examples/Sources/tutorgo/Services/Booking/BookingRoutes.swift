internal import ExampleSupport
internal import Foundation
internal import Hummingbird
internal import TutorGoMessaging

/// The booking service. The caller is the header `x-user-id`.
struct BookingRoutes {
  let store: Store

  private struct NewBooking: Decodable {
    var tutorId: String
    var studentId: String?
    var subject: String
    var startTime: String
    var endTime: String
    var totalAmount: Double?
  }
  private struct Change: Decodable { var status: String }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("bookings") { request, _ in try await book(request) }
    routes.get("bookings") { request, _ in
      Response.json(["bookings": try await store.bookings(of: try request.caller())])
    }
    routes.get("bookings/:id") { request, context in
      Response.json(try await store.booking(try context.pathID, of: try request.caller()))
    }
    routes.patch("bookings/:id") { request, context in
      let caller = try request.caller()
      let text = try await request.json(Change.self, upTo: Limits.body, hint: Limits.hint).status
      guard let status = Booking.Status(rawValue: text) else {
        throw APIError.field("status", "must be confirmed or completed")
      }
      return Response.json(try await store.change(try context.pathID, to: status, by: caller))
    }
    routes.delete("bookings/:id") { request, context in
      let caller = try request.caller()
      let reason = try request.query("reason").map { try Checked.text($0, field: "reason", atMost: Limits.text) }
      let booking = try await store.cancel(try context.pathID, by: caller, reason: reason, TraceMiddleware.trace)
      return Response.json(booking)
    }
  }

  private func book(_ request: Request) async throws -> Response {
    let caller = try request.caller()
    let body = try await request.json(NewBooking.self, upTo: Limits.body, hint: Limits.hint)
    if let student = body.studentId, student != caller {
      throw APIError.forbidden("studentId is not x-user-id: students book for themselves")
    }
    let lesson = Store.Lesson(
      tutorId: try Checked.text(body.tutorId, field: "tutorId", atMost: Limits.id), studentId: caller,
      subject: try Checked.text(body.subject, field: "subject", atMost: Limits.name),
      startTime: try Limits.time(body.startTime, field: "startTime"),
      endTime: try Limits.time(body.endTime, field: "endTime"),
      totalAmount: try body.totalAmount.map { try Limits.money($0, field: "totalAmount") })
    return .json(try await store.book(lesson, TraceMiddleware.trace), status: .created)
  }
}
