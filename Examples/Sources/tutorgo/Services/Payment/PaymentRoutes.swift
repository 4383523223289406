internal import ExampleSupport
internal import Hummingbird

/// The payment service. The caller is the header `x-user-id`.
struct PaymentRoutes {
  let store: Store

  private struct NewPayment: Decodable {
    var bookingId: String
    var amount: Double?
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("payments") { request, _ in
      let caller = try request.caller()
      let body = try await request.json(NewPayment.self, upTo: Limits.body, hint: Limits.hint)
      let payment = try await store.pay(
        try Checked.text(body.bookingId, field: "bookingId", atMost: Limits.id), by: caller,
        amount: try body.amount.map { try Limits.money($0, field: "amount") }, TraceMiddleware.trace)
      return Response.json(payment, status: .created)
    }
    routes.get("payments/:id") { request, context in
      Response.json(try await store.payment(try context.pathID, of: try request.caller()))
    }
  }
}
