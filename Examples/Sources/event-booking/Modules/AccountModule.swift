internal import Accounts
package import EventBookingModel
internal import EventBookingRepositories
internal import ExampleSupport
internal import Foundation
internal import HTTPTypes
internal import Mail

/// Registering and logging in.
package struct AccountModule: Sendable {
  private let repositories: Repositories
  private let tokens: Tokens
  private let administrator: Administrator?
  private let administratorHash: Task<String?, any Error>
  private let hasher: PasswordHasher
  private let logins = RateLimiter(10, per: 900)

  init(repositories: Repositories, tokens: Tokens, administrator: Administrator?) throws {
    let hasher = try PasswordHasher()
    self.repositories = repositories
    self.tokens = tokens
    self.administrator = administrator
    self.hasher = hasher
    administratorHash = Task {
      guard let administrator else { return nil }
      return try await hasher.hash(administrator.password)
    }
  }

  /// Makes a user.
  package func register(name: String?, email: String?, password: String, role: String?) async throws -> User {
    let name = try Checked.text(name, field: "name", atMost: 100)
    let email = try Self.email(email)
    guard (8...200).contains(password.unicodeScalars.count) else {
      throw APIError.field("password", "needs 8 to 200 characters")
    }
    let role = try Self.role(role)
    let user = User(
      userId: UUID().uuidString.lowercased(), name: name, email: email, passwordHash: try await hasher.hash(password),
      role: role, createdAt: .now)
    // Without a mail that proves the address, whether it is taken cannot be kept to ourselves: logging in would show it.
    guard email != administrator?.email, try await repositories.write({ try $0.users.add(user) }) else {
      throw APIError.conflict("email_taken", "email: this address has an account already: log in with it")
    }
    return user
  }

  /// A token for who has this address and password.
  package func logIn(email: String?, password: String) async throws -> String {
    let email = try Self.email(email)
    if let seconds = logins.take(email) {
      throw APIError(.tooManyRequests, "too_many_tries", "too many tries for this email: wait \(seconds) seconds")
    }
    let password = String(password.prefix(1_000))
    let caller: Caller?
    let hash: String?
    if let administrator, email == administrator.email {
      caller = Caller(id: "administrator", role: User.Role.administrator.rawValue)
      hash = try await administratorHash.value
    } else {
      let user = try await repositories.read { try $0.users.find(email: email) }
      caller = user.map { Caller(id: $0.userId, role: $0.role.rawValue) }
      hash = user?.passwordHash
    }
    guard try await hasher.verify(password, hash), let caller else {
      throw APIError(.unauthorized, "wrong_login", "email or password is wrong")
    }
    logins.reset(email)
    return try await tokens.make(for: caller)
  }

  /// The user of a token.
  package func user(_ id: String, _ work: Work) throws -> User {
    guard let user = try work.transaction.users.find(id) else {
      throw APIError(.unauthorized, "no_account", "the account of this token does not exist any more: register again")
    }
    return user
  }

  private static func email(_ text: String?) throws -> String {
    let text = try Checked.text(text, field: "email", atMost: 254).lowercased()
    guard let address = try? MailAddress(text), address.domain.contains(".") else {
      throw APIError.field("email", "is no mail address: send one like ada@example.org")
    }
    return text
  }

  private static func role(_ text: String?) throws -> User.Role {
    guard let text else { return .customer }
    guard let role = User.Role(rawValue: text), role != .administrator else {
      throw APIError.field("role", "must be customer or organizer")
    }
    return role
  }
}

/// Who may see the queues.
package struct Administrator: Sendable {
  let email: String
  let password: String

  /// The one that `ADMIN_EMAIL` and `ADMIN_PASSWORD` name; `nil` without both.
  ///
  /// - Throws: `StartError` for one without the other, for no address, and for a password that is too short.
  package init?(environment: [String: String]) throws {
    let email = environment["ADMIN_EMAIL"] ?? ""
    let password = environment["ADMIN_PASSWORD"] ?? ""
    if email.isEmpty, password.isEmpty { return nil }
    guard let address = try? MailAddress(email.lowercased()) else {
      throw StartError("ADMIN_EMAIL is no mail address: set it to the administrator's, or leave ADMIN_PASSWORD out too")
    }
    guard password.unicodeScalars.count >= 8 else {
      throw StartError("ADMIN_PASSWORD needs 8 characters or more: set it, or leave ADMIN_EMAIL out too")
    }
    self.email = address.address
    self.password = password
  }
}
