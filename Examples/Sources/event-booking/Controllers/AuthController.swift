package import EventBookingAppModules
internal import EventBookingModel
internal import ExampleSupport
package import Hummingbird

/// Requests to register and to log in.
package struct AuthController: Sendable {
  private let accounts: AccountAppModule
  package init(_ accounts: AccountAppModule) { self.accounts = accounts }

  private struct Registration: Decodable {
    var name: String?
    var email: String?
    var password: String
    var role: String?
  }
  private struct Login: Decodable {
    var email: String?
    var password: String
  }
  private struct Registered: Encodable {
    var userId: String
    var name: String
    var email: String
    var role: User.Role
  }

  package func register(_ request: Request) async throws -> Response {
    let body = try await request.json(Registration.self, hint: "name, email and password are short")
    let user = try await accounts.register(
      name: body.name, email: body.email, password: body.password, role: body.role)
    return .json(
      Registered(userId: user.userId, name: user.name, email: user.email, role: user.role), status: .created)
  }

  /// A token for who has this address and password.
  package func token(email: String, password: String) async throws -> String {
    try await accounts.logIn(email: email, password: password)
  }

  package func logIn(_ request: Request) async throws -> Response {
    let body = try await request.json(Login.self, hint: "email and password are short")
    return .json(["token": try await accounts.logIn(email: body.email, password: body.password)])
  }
}
