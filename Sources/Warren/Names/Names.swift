/// A name that travels in messages and topologies: text of at most 255 bytes in UTF-8, as AMQP 0-9-1 allows.
///
/// Literals and ``init(_:)`` take any text; an engine refuses what is too long with ``BrokerError/Code/invalid``.
public protocol Name: RawRepresentable<String>, ExpressibleByStringInterpolation, Hashable, Comparable, Codable,
  Sendable,
  CustomStringConvertible
{
  /// Wraps the text as it is.
  init(_ rawValue: String)
}

extension Name {
  /// Wraps the text as it is.
  public init(rawValue: String) { self.init(rawValue) }
  /// Wraps the literal as it is.
  public init(stringLiteral value: String) { self.init(value) }
  /// The name itself.
  public var description: String { rawValue }
  /// Alphabetical order.
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What a message is: `booking.created`, `email.send`. An event's name is by default also its routing key.
public struct MessageName: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The name of a queue.
public struct QueueName: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The name of an exchange.
public struct ExchangeName: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// Words separated by dots by which an exchange routes. In a binding to a topic exchange `*` stands for one word and `#` for
/// any number of them.
public struct RoutingKey: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// The name of a lock that all processes of a broker share, such as `schedules`.
public struct LockName: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}

/// What a circuit breaker keeps away from: a mail server, a service, a database. The queues of a worker that name the same one share a
/// breaker.
public struct DependencyName: Name {
  /// The text.
  public let rawValue: String
  /// Wraps the text as it is.
  public init(_ rawValue: String) { self.rawValue = rawValue }
}
