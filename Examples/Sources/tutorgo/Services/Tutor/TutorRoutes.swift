internal import ExampleSupport
internal import Hummingbird

/// The tutor service. The caller is the header `x-user-id`.
struct TutorRoutes {
  let store: Store

  private struct Offer: Decodable {
    var name: String
    var subjects: [String]
    var hourlyRate: Double
  }
  private struct NewReview: Decodable {
    var bookingId: String
    var rating: Int
    var comment: String?
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.get("tutors") { _, _ in Response.json(["tutors": try await store.tutors()]) }
    routes.get("tutors/:id") { _, context in Response.json(try await store.profile(try context.pathID)) }
    routes.put("tutors/:id") { request, context in
      let id = try context.pathID
      guard try request.caller() == id else {
        throw APIError.forbidden("x-user-id is not '\(id.prefix(64))': tutors say themselves what they teach")
      }
      let body = try await request.json(Offer.self, upTo: Limits.body, hint: Limits.hint)
      let tutor = Tutor(
        tutorId: id, name: try Checked.text(body.name, field: "name", atMost: Limits.name),
        subjects: try Checked.list(body.subjects, field: "subjects", atMost: Limits.subjects, each: Limits.name),
        hourlyRate: try Limits.money(body.hourlyRate, field: "hourlyRate"))
      if tutor.subjects.isEmpty { throw APIError.field("subjects", "must have at least one entry") }
      try await store.save(tutor)
      return Response.json(tutor)
    }
    routes.post("reviews") { request, _ in
      let caller = try request.caller()
      let body = try await request.json(NewReview.self, upTo: Limits.body, hint: Limits.hint)
      guard (1...5).contains(body.rating) else { throw APIError.field("rating", "must be 1 to 5") }
      let review = try await store.review(
        try Checked.text(body.bookingId, field: "bookingId", atMost: Limits.id), by: caller, rating: body.rating,
        comment: try body.comment.map { try Checked.lines($0, field: "comment", atMost: Limits.text) },
        TraceMiddleware.trace)
      return Response.json(review, status: .created)
    }
  }
}
