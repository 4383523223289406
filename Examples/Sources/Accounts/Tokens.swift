public import Foundation
internal import JWTKit

/// Who a caller is, as a token says it.
public struct Caller: Sendable, Equatable {
  /// The account.
  public var id: String
  /// What the account may do.
  public var role: String

  /// A caller.
  public init(id: String, role: String) {
    self.id = id
    self.role = role
  }
}

/// Signs and checks bearer tokens: JSON Web Tokens with HS256.
public struct Tokens: Sendable {
  /// How long a token lasts.
  public static let lifetime: TimeInterval = 12 * 3_600
  private let secrets: Secrets
  private let issuer: String

  /// Tokens of a system, signed with its secrets.
  public init(_ secrets: Secrets, issuer: String) {
    self.secrets = secrets
    self.issuer = issuer
  }

  private struct Payload: JWTPayload {
    var sub: SubjectClaim
    var iss: IssuerClaim
    var iat: IssuedAtClaim
    var exp: ExpirationClaim
    var role: String
    /// Time and issuer are checked against the clock that the caller gives.
    func verify(using _: some JWTAlgorithm) throws {}
  }

  /// A token for a caller.
  public func make(for caller: Caller, now: Date = .now) async throws -> String {
    let keys = try secrets.signing(now: now)
    let payload = Payload(
      sub: SubjectClaim(value: caller.id), iss: IssuerClaim(value: issuer), iat: IssuedAtClaim(value: now),
      exp: ExpirationClaim(value: now.addingTimeInterval(Self.lifetime)), role: caller.role)
    return try await collection(keys).sign(payload, kid: JWKIdentifier(string: keys[0].id))
  }

  /// Who a token was made for; `nil` when it is none of ours, was changed or is too old.
  public func caller(of token: String, now: Date = .now) async throws -> Caller? {
    let keys = try secrets.signing(now: now)
    guard token.utf8.count <= 4_096,
      let payload = try? await collection(keys).verify(token, as: Payload.self),
      payload.iss.value == issuer, payload.exp.value > now
    else { return nil }
    return Caller(id: payload.sub.value, role: payload.role)
  }

  private func collection(_ keys: [Secrets.SigningKey]) async -> JWTKeyCollection {
    let collection = JWTKeyCollection()
    for key in keys {
      await collection.add(
        hmac: HMACKey(from: key.secret), digestAlgorithm: .sha256, kid: JWKIdentifier(string: key.id))
    }
    return collection
  }
}
