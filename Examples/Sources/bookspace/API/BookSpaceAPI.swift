internal import ExampleSupport
internal import Hummingbird

/// The routes under `/v1`. Every caller but one who registers says who it is, by the header `x-user-id`.
struct BookSpaceAPI {
  let store: Store

  func add(to router: RouterGroup<BasicRequestContext>) {
    let routes = router.group("v1")
    DocumentRoutes(store: store).add(to: routes)
    CommentRoutes(store: store).add(to: routes)
    UserRoutes(store: store).add(to: routes)
    routes.get("stats") { [store] request, _ in
      _ = try request.caller()
      return Response.json(["counts": try await store.counts()])
    }
  }
}

/// How long the fields of requests may be.
enum Limits {
  static let title = 200
  static let content = 100_000
  static let tags = 10
  static let tag = 50
  static let comment = 1_000
  static let name = 100
  static let email = 254
}
