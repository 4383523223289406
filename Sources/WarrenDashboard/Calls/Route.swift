internal import HTTPTypes

/// A page or an action: how it is asked for, what it takes to be allowed, and what answers it. There is one table of all, so
/// that a test can walk it.
struct Route: Sendable {
  let method: HTTPRequest.Method
  /// Below the prefix; without a slash at either end.
  let path: String
  /// What the role of a visitor must allow. What concerns one queue is checked again with its name.
  let action: Dashboard.Action
  let answer: @Sendable (Call) async throws -> Answer
  /// Whether it takes and gives JSON, for programs.
  var isAPI = false

  /// The same for programs, below `api/v1`.
  var asAPI: Route {
    Route(method: method, path: "api/v1/" + path, action: action, answer: answer, isAPI: true)
  }

  static func get(
    _ path: String, _ action: Dashboard.Action, _ answer: @escaping @Sendable (Call) async throws -> Answer
  ) -> Route { Route(method: .get, path: path, action: action, answer: answer) }

  static func page(
    _ path: String, _ action: Dashboard.Action, _ page: @escaping @Sendable (Call) async throws -> Page
  ) -> Route { Route(method: .get, path: path, action: action) { .page(try await page($0)) } }

  static func post(
    _ path: String, _ action: Dashboard.Action, _ answer: @escaping @Sendable (Call) async throws -> Answer
  ) -> Route { Route(method: .post, path: path, action: action, answer: answer) }
}
