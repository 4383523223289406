internal import Foundation
public import Warren

/// Where a broker is, as people write it: `sqlite:broker.db`, `sqlite:///var/lib/app/broker.db`,
/// `amqp://user:password@host/vhost`.
public enum BrokerAddress: Sendable, Equatable, CustomStringConvertible {
  /// A file of the embedded engine, by its path.
  case sqlite(path: String)
  /// A RabbitMQ, by its URL, password included.
  case rabbitMQ(url: String)

  /// Reads an address.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` with the forms that are possible.
  public init(_ text: String) throws(BrokerError) {
    let scheme = text.prefix { $0 != ":" }.lowercased()
    let rest = text.dropFirst(scheme.count + 1)
    switch scheme {
    case _ where !text.contains(":"):
      throw BrokerError(
        .invalid, "'\(Mask.standard.text(text))' is no address of a broker: for a file write sqlite:\(text)")
    case "sqlite":
      self = .sqlite(path: try Self.path(rest))
    case "amqp", "amqps":
      self = .rabbitMQ(url: text)
    default:
      throw BrokerError(.invalid, "no engine is called '\(scheme)': write sqlite:PATH, sqlite:///PATH or amqp://HOST")
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
    // The shell leaves a tilde alone that does not begin a word.
    if path.hasPrefix("~/") { path = NSHomeDirectory() + path.dropFirst(1) }
    if path.isEmpty { throw BrokerError(.invalid, "the address has no path: write sqlite:PATH") }
    return path
  }

  /// The address as it may be shown: without a password.
  public var description: String {
    switch self {
    case .sqlite(let path): "sqlite:\(path)"
    case .rabbitMQ(let url): Mask.standard.text(url)
    }
  }
}
