package import Accounts
package import EventBookingControllers
package import ExampleSupport
package import Hummingbird
package import WarrenDashboard

/// Every route, and who may use it.
package struct EventBookingRoutes {
  private let tokens: Tokens
  private let auth: AuthController
  private let events: EventController
  private let bookings: BookingController
  private let dashboard: Dashboard

  package init(
    tokens: Tokens, auth: AuthController, events: EventController, bookings: BookingController, dashboard: Dashboard
  ) {
    self.tokens = tokens
    self.auth = auth
    self.events = events
    self.bookings = bookings
    self.dashboard = dashboard
  }

  /// What is not here is answered with 404, whatever code there is for it.
  package static let access = AccessTable([
    .open(.post, "/api/auth/register"), .open(.post, "/api/auth/login"),
    .open(.get, "/api/events"), .open(.get, "/api/events/{id}"),
    .only(["organizer"], .post, "/api/events"), .only(["organizer"], .put, "/api/events/{id}"),
    .only(["organizer"], .delete, "/api/events/{id}"),
    .only(["customer"], .post, "/api/bookings"), .only(["customer"], .get, "/api/bookings/mine"),
    .only(["customer"], .get, "/api/bookings/me"), .only(["customer"], .delete, "/api/bookings/{id}"),
  ])

  package func add(to router: RouterGroup<BasicRequestContext>) {
    let routes = router.group().add(middleware: AccessMiddleware(Self.access, tokens))
    routes.post("api/auth/register") { [auth] request, _ in try await auth.register(request) }
    routes.post("api/auth/login") { [auth] request, _ in try await auth.logIn(request) }
    routes.get("api/events") { [events] request, _ in try await events.list(request) }
    routes.post("api/events") { [events] request, _ in try await events.create(request) }
    routes.get("api/events/:id") { [events] _, context in try await events.show(context.pathID) }
    routes.put("api/events/:id") { [events] request, context in try await events.change(context.pathID, request) }
    routes.delete("api/events/:id") { [events] _, context in try await events.delete(context.pathID) }
    routes.post("api/bookings") { [bookings] request, _ in try await bookings.book(request) }
    routes.get("api/bookings/mine") { [bookings] request, _ in try await bookings.mine(request) }
    routes.get("api/bookings/me") { [bookings] request, _ in try await bookings.mine(request) }
    routes.delete("api/bookings/:id") { [bookings] _, context in try await bookings.cancel(context.pathID) }
    // Beside the table: the dashboard has pages of its own, all of them for the administrator.
    let operators = Operators(tokens: tokens, auth: auth)
    dashboard.addRoutes(to: router, at: "/admin/queues") { request, _ in try await operators.admission(of: request) }
  }
}
