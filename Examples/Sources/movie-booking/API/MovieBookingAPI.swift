internal import Accounts
internal import ExampleSupport
internal import Hummingbird

/// The routes under `/api`, and who may use which.
struct MovieBookingAPI {
  let store: Store
  let accounts: AccountRoutes

  /// Every route. One that is not here is answered with 404, whatever code there is for it.
  static let access = AccessTable([
    .open(.post, "/api/auth/register"), .open(.post, "/api/auth/verify-otp"), .open(.post, "/api/auth/login"),
    .open(.get, "/api/movies"), .open(.get, "/api/shows/{id}"),
    .only(["customer"], .post, "/api/bookings"), .only(["customer"], .get, "/api/bookings"),
  ])

  func add(to router: RouterGroup<BasicRequestContext>) {
    let routes = router.group("api").add(middleware: AccessMiddleware(Self.access, accounts.tokens))
    accounts.add(to: routes)
    BookingRoutes(store: store).add(to: routes)
  }
}

/// How long the fields of requests may be.
enum Limits {
  static let name = 100
  static let email = 254
  static let password = 8...200
  static let seats = 10
}
