internal import Foundation
public import Warren

/// Where a broker is, as people write it: `sqlite:broker.db`, `sqlite:///var/lib/app/broker.db`,
/// `amqp://user:password@host/vhost`; the nodes of a cluster are separated by commas.
///
/// ```swift
/// let broker = try BrokerAddress("sqlite:broker.db").open(logger: logger)
/// ```
public enum BrokerAddress: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// A file of the embedded engine, by its path.
  case sqlite(path: String)
  /// A RabbitMQ, by the URL of each of its nodes, passwords included.
  case rabbitMQ(urls: [String])

  /// A RabbitMQ, by its URL, password included.
  public static func rabbitMQ(url: String) -> BrokerAddress { .rabbitMQ(urls: [url]) }

  /// Reads an address.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` with the forms that are possible. The message shows no password.
  public init(_ text: String) throws(BrokerError) {
    guard let colon = text.firstIndex(of: ":") else {
      throw BrokerError(.invalid, "'\(text)' is not the address of a broker: for a file write sqlite:\(text)")
    }
    let scheme = text[..<colon].lowercased()
    switch scheme {
    case "sqlite": self = .sqlite(path: try Self.path(text[colon...].dropFirst()))
    case "amqp", "amqps": self = .rabbitMQ(urls: Self.urls(text))
    default:
      throw BrokerError(
        .invalid, "no engine is called '\(scheme.prefix(40))': write sqlite:PATH, sqlite:///PATH or amqp://HOST")
    }
  }

  private static func path(_ rest: Substring) throws(BrokerError) -> String {
    var path = String(rest)
    if path.hasPrefix("//") {
      guard path.hasPrefix("///") else {
        throw BrokerError(
          .invalid,
          "'sqlite:\(path)' names a host, and a file has none: write sqlite:PATH, or sqlite:///PATH from the root")
      }
      path = String(path.dropFirst(2))
    }
    // A shell expands a tilde only at the beginning of a word.
    if path.hasPrefix("~/") { path = NSHomeDirectory() + path.dropFirst(1) }
    if path.isEmpty { throw BrokerError(.invalid, "the address has no path: write sqlite:PATH") }
    // A parameter would do nothing, and become a part of the file's name.
    if let parameter = path.firstMatch(of: /\?([A-Za-z_]+=[^\/]*)$/)?.1 {
      throw BrokerError(
        .invalid,
        "'sqlite:' takes no parameters such as '\(parameter)': write sqlite:PATH, and configure it in the program")
    }
    return path
  }

  /// A comma separates two URLs only where another scheme follows: it may be part of a password, too.
  private static func urls(_ text: String) -> [String] {
    var urls: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let url = part.drop { $0.isWhitespace }
      let isURL = ["amqp://", "amqps://"].contains { url.lowercased().hasPrefix($0) }
      if let last = urls.last, !isURL {
        urls[urls.count - 1] = "\(last),\(part)"
      } else {
        urls.append(String(url))
      }
    }
    return urls
  }

  /// The address as it may be shown: without passwords.
  public var description: String {
    switch self {
    case .sqlite(let path): "sqlite:\(path)"
    case .rabbitMQ(let urls): urls.map { Self.withoutPassword($0) }.joined(separator: ",")
    }
  }

  /// Empty, so that a dump shows no password.
  public var customMirror: Mirror { Mirror(self, children: [:]) }

  /// The engine's name, as logs show it.
  public var engine: String {
    switch self {
    case .sqlite: "SQLite"
    case .rabbitMQ: "RabbitMQ"
    }
  }

  /// Passwords hold any character when they are not encoded, so everything from the first colon to the last `@` is hidden,
  /// in the query as well: it may name the management API with its own user.
  private static func withoutPassword(_ url: String) -> String {
    guard let separator = url.range(of: "://") else { return url }
    let rest = url[separator.upperBound...]
    let query = rest.firstIndex(of: "?") ?? rest.endIndex
    let place = rest[..<query].contains("@") ? rest[..<query] : rest
    guard let at = place.lastIndex(of: "@"), let colon = place[..<at].firstIndex(of: ":") else { return url }
    return url[...colon] + "***" + withoutPassword(String(url[at...]))
  }
}
