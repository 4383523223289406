import NIOCore

/// How the client says who it is. Its description never contains the password.
public struct AMQPCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  enum Kind: Sendable, Hashable {
    case plain(user: String, password: String)
    case external
  }

  let kind: Kind

  /// A user name and a password (SASL PLAIN).
  public static func plain(user: String, password: String) -> AMQPCredentials {
    AMQPCredentials(kind: .plain(user: user, password: password))
  }

  /// The client certificate of the TLS connection says it (SASL EXTERNAL). The broker needs the plugin
  /// `rabbitmq_auth_mechanism_ssl`.
  public static let external = AMQPCredentials(kind: .external)

  /// What a fresh broker accepts on its own machine.
  public static let guest = AMQPCredentials.plain(user: "guest", password: "guest")

  /// What it is in words, without secrets.
  public var description: String {
    switch kind {
    case .plain(let user, _): "PLAIN as \(user)"
    case .external: "EXTERNAL"
    }
  }

  /// The same as the description.
  public var debugDescription: String { description }
  /// Empty, so that dumps show nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// The password, or a token in its place.
  var secret: String? {
    switch kind {
    case .plain(_, let password): password
    case .external: nil
    }
  }

  /// The same user with another password.
  func with(secret: String) -> AMQPCredentials {
    switch kind {
    case .plain(let user, _): .plain(user: user, password: secret)
    case .external: self
    }
  }

  /// A SASL mechanism with its one answer.
  struct Mechanism: Sendable {
    let name: String
    let response: ByteBuffer
  }

  var mechanism: Mechanism {
    switch kind {
    case .plain(let user, let password):
      Mechanism(name: "PLAIN", response: ByteBuffer(string: "\0\(user)\0\(password)"))
    case .external: Mechanism(name: "EXTERNAL", response: ByteBuffer())
    }
  }
}
