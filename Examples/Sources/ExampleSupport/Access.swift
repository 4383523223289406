public import Accounts
internal import HTTPTypes
public import Hummingbird

/// Which routes a system has, and who may use which: one table, so that a test can walk all of it.
public struct AccessTable: Sendable {
  /// One route.
  public struct Rule: Sendable, Hashable {
    /// Its method.
    public var method: HTTPRequest.Method
    /// Its path, as the router knows it: `/api/shows/{id}`.
    public var path: String
    /// Who may use it; `nil`: everyone, without a token.
    public var roles: Set<String>?

    /// A route for everyone.
    public static func open(_ method: HTTPRequest.Method, _ path: String) -> Rule {
      Rule(method: method, path: path, roles: nil)
    }
    /// A route for accounts with one of these roles.
    public static func only(_ roles: Set<String>, _ method: HTTPRequest.Method, _ path: String) -> Rule {
      Rule(method: method, path: path, roles: roles)
    }
  }

  /// All routes.
  public let rules: [Rule]

  /// A table.
  public init(_ rules: [Rule]) { self.rules = rules }

  func rule(_ method: HTTPRequest.Method, _ path: String) -> Rule? {
    rules.first { $0.method == method && $0.path == path }
  }
}

/// Lets a request through when the table has its route and the token's account may use it.
public struct AccessMiddleware<Context: RequestContext>: RouterMiddleware {
  private let table: AccessTable
  private let tokens: Tokens

  /// Asks `table`, and checks tokens with `tokens`.
  public init(_ table: AccessTable, _ tokens: Tokens) {
    self.table = table
    self.tokens = tokens
  }

  /// See `RouterMiddleware`.
  public func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let rule = table.rule(request.method, context.endpointPath ?? "") else {
      throw APIError(.notFound, "not_found", "there is no \(request.method) \(request.uri.path.prefix(100))")
    }
    guard let roles = rule.roles else { return try await next(request, context) }
    guard let text = request.headers[.authorization], text.lowercased().hasPrefix("bearer "),
      let caller = try await tokens.caller(of: String(text.dropFirst(7)))
    else {
      throw APIError(
        .unauthorized, "no_token",
        "Authorization: send 'Bearer TOKEN', with a token of POST /api/auth/login that is not too old")
    }
    guard roles.contains(caller.role) else {
      throw APIError.forbidden(
        "this needs the role \(roles.sorted().joined(separator: " or ")), and yours is \(caller.role)")
    }
    return try await CurrentCaller.$value.withValue(caller) { try await next(request, context) }
  }
}

/// The caller of the request that is being answered.
public enum CurrentCaller {
  @TaskLocal static var value: Caller?

  /// Who it is. Throws a 401 where the route is open to everyone.
  public static func required() throws -> Caller {
    guard let value else { throw APIError(.unauthorized, "no_token", "this needs a token") }
    return value
  }
}
