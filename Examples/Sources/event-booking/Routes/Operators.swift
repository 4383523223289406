internal import Accounts
internal import EventBookingControllers
internal import ExampleSupport
internal import Foundation
internal import Hummingbird
internal import Synchronization
internal import WarrenDashboard

/// Who may see and operate the queues: the administrator, by the token of a login, or in a browser, which asks for address and
/// password.
final class Operators: Sendable {
  private let tokens: Tokens
  private let auth: AuthController
  /// The last login of a browser, which sends it with each request: checking a password is slow on purpose.
  private let last = Mutex<(login: String, token: String)?>(nil)

  init(tokens: Tokens, auth: AuthController) {
    self.tokens = tokens
    self.auth = auth
  }

  func admission(of request: Request) async throws -> Dashboard.Admission {
    guard let token = try await token(in: request.headers[.authorization] ?? ""),
      let caller = try await tokens.caller(of: token)
    else { return .unknown }
    guard caller.role == "administrator" else { return .refused }
    return .admitted(.init(name: caller.id, role: .admin))
  }

  private func token(in header: String) async throws -> String? {
    if header.lowercased().hasPrefix("bearer ") { return String(header.dropFirst(7)) }
    guard header.lowercased().hasPrefix("basic "), let data = Data(base64Encoded: String(header.dropFirst(6))),
      let colon = data.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    if let known = last.withLock({ $0 }), known.login == header { return known.token }
    do {
      let token = try await auth.token(
        email: String(decoding: data[..<colon], as: UTF8.self),
        password: String(decoding: data[data.index(after: colon)...], as: UTF8.self))
      last.withLock { $0 = (header, token) }
      return token
    } catch let error as APIError where error.status == .unauthorized || error.status == .badRequest {
      return nil
    }
  }
}
