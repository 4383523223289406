internal import Foundation

/// Which mail server to use, and how.
public struct SMTPServer: Sendable, Equatable {
  /// How a connection becomes a TLS connection.
  public enum Security: String, Sendable {
    /// TLS from the first byte, mostly on port 465.
    case tls
    /// STARTTLS, and no mail without it.
    case startTLS = "starttls"
    /// STARTTLS where the server offers it.
    case opportunistic
    /// Plain text.
    case none
  }

  /// A name and its password.
  public struct Login: Sendable, Equatable, CustomStringConvertible {
    /// The name.
    public var user: String
    /// The password.
    public var password: String
    /// The name alone.
    public var description: String { "Login(\(user))" }
  }

  /// Its host.
  public var host: String
  /// Its port.
  public var port: Int
  /// How the connection is secured.
  public var security: Security
  /// Who logs in; `nil`: there is no login.
  public var login: Login?
  /// A file with the authorities to trust in place of the system's.
  public var authorities: String?
  /// How long a whole mail may take.
  public var timeout: Duration = .seconds(60)
  /// How long connecting may take, and each answer of the server.
  public var answerTimeout: Duration = .seconds(20)
  /// How many mails may be under way at a time, each on a connection that is kept for the next.
  public var connections = 2

  /// Reads `smtp://user:password@host:587` or `smtps://…`. What has a meaning of its own in a URL is written as its code (`%40`).
  ///
  /// - `smtps` is TLS from the first byte, port 465. `smtp` is port 25; with a password, STARTTLS is required, unless the host
  ///   is this machine; without one it is used where the server offers it.
  /// - `?security=starttls` (or `opportunistic`, `none`) decides that; `?ca=FILE` names authorities; `?connections=4`.
  ///
  /// - Throws: ``MailError`` of kind `invalid`, which never repeats the URL: it may hold a password.
  public init(url text: String) throws(MailError) {
    guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty else {
      throw Self.wrong("is not a URL such as smtp://user:password@host:587")
    }
    switch url.scheme {
    case "smtp": security = .opportunistic
    case "smtps": security = .tls
    default: throw Self.wrong("begins with neither smtp:// nor smtps://")
    }
    if !url.path.isEmpty, url.path != "/" {
      throw Self.wrong("has a path: only host, port, user and password are possible")
    }
    self.host = host
    port = url.port ?? (security == .tls ? 465 : 25)
    guard (1...65_535).contains(port) else { throw Self.wrong("has a port that is none") }
    if let user = url.user, !user.isEmpty {
      guard let password = url.password else { throw Self.wrong("has a user and no password") }
      login = Login(user: user, password: password)
      if security != .tls, !["localhost", "127.0.0.1", "::1", "[::1]"].contains(host) { security = .startTLS }
    }
    for item in url.queryItems ?? [] { try set(item.name, item.value ?? "") }
  }

  private mutating func set(_ name: String, _ value: String) throws(MailError) {
    switch name {
    case "security":
      guard let security = Security(rawValue: value), (security == .tls) == (self.security == .tls) else {
        throw Self.wrong("has a security that is none: starttls, opportunistic or none, for smtp://")
      }
      self.security = security
    case "ca":
      guard FileManager.default.isReadableFile(atPath: value) else {
        throw Self.wrong("names authorities that cannot be read")
      }
      authorities = value
    case "connections":
      guard let count = Int(value), (1...64).contains(count) else {
        throw Self.wrong("has connections: 1 to 64 are possible")
      }
      connections = count
    default: throw Self.wrong("has a parameter that is unknown: security, ca and connections are possible")
    }
  }

  private static func wrong(_ problem: String) -> MailError {
    MailError(.invalid, "the URL of the mail server \(problem)")
  }
}
