internal import Accounts
internal import ExampleSupport
internal import Foundation
internal import Hummingbird
internal import Mail

/// Registering, proving the address, logging in. None of the answers tells whether an address has an account.
struct AccountRoutes {
  let store: Store
  let hasher: PasswordHasher
  let codes: OneTimeCodes
  let tokens: Tokens
  private let registrations = RateLimiter(5, per: 3_600)
  private let checks = RateLimiter(10, per: 600)
  private let logins = RateLimiter(10, per: 900)

  init(store: Store, hasher: PasswordHasher, codes: OneTimeCodes, tokens: Tokens) {
    self.store = store
    self.hasher = hasher
    self.codes = codes
    self.tokens = tokens
  }

  private struct Registration: Decodable {
    var name: String
    var email: String
    var password: String
  }
  private struct Proof: Decodable {
    var email: String
    var otp: String
  }
  private struct Login: Decodable {
    var email: String
    var password: String
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("auth/register") { request, _ in try await register(request) }
    routes.post("auth/verify-otp") { request, _ in try await verify(request) }
    routes.post("auth/login") { request, _ in try await login(request) }
  }

  private func register(_ request: Request) async throws -> Response {
    let body = try await request.json(Registration.self, hint: "name, email and password are short")
    let name = try Checked.text(body.name, field: "name", atMost: Limits.name)
    let email = try Self.email(body.email)
    let password = try Self.password(body.password)
    try Self.limit(registrations, email)
    let account = Account(
      userId: UUID().uuidString.lowercased(), name: name, email: email, passwordHash: try await hasher.hash(password),
      createdAt: .now)
    try await store.register(account, codes)
    return .json(["userId": account.userId], status: .created)
  }

  private func verify(_ request: Request) async throws -> Response {
    let body = try await request.json(Proof.self, hint: "otp is a code of six digits")
    let email = try Self.email(body.email)
    let code = try Checked.text(body.otp, field: "otp", atMost: 20)
    try Self.limit(checks, email)
    switch try await store.verify(email, code, codes) {
    case .accepted(let account):
      checks.reset(email)
      return try await token(for: account)
    case .refused:
      throw APIError(
        .badRequest, "wrong_otp",
        "otp is not the code of this address, or was used or is too old: register again for another")
    }
  }

  private func login(_ request: Request) async throws -> Response {
    let body = try await request.json(Login.self, hint: "email and password are short")
    let email = try Self.email(body.email)
    try Self.limit(logins, email)
    let account = try await store.account(email)
    guard try await hasher.verify(String(body.password.prefix(1_000)), account?.passwordHash), let account else {
      throw APIError(
        .unauthorized, "wrong_login", "email or password is wrong, or the address was not verified with its code yet")
    }
    logins.reset(email)
    return try await token(for: account)
  }

  private func token(for account: Account) async throws -> Response {
    .json(["token": try await tokens.make(for: Caller(id: account.userId, role: "customer"))])
  }

  private static func limit(_ limiter: RateLimiter, _ email: String) throws {
    guard let seconds = limiter.take(email) else { return }
    throw APIError(.tooManyRequests, "too_many_tries", "too many tries for this email: wait \(seconds) seconds")
  }

  private static func email(_ text: String) throws -> String {
    let text = try Checked.text(text, field: "email", atMost: Limits.email).lowercased()
    guard let address = try? MailAddress(text), address.domain.contains(".") else {
      throw APIError.field("email", "is no mail address: send one like ada@example.org")
    }
    return text
  }

  private static func password(_ text: String) throws -> String {
    guard Limits.password.contains(text.unicodeScalars.count) else {
      throw APIError.field(
        "password", "needs \(Limits.password.lowerBound) to \(Limits.password.upperBound) characters")
    }
    return text
  }
}
