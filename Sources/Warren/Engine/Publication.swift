public import Foundation

/// A message on its way to an engine.
public struct Publication: Sendable, Equatable {
  /// Where a message goes.
  public enum Destination: Sendable, Hashable {
    /// To the queues that an exchange chooses.
    case exchange(ExchangeName, RoutingKey)
    /// To one queue.
    case queue(QueueName)

    /// The name of the exchange or queue.
    package var place: String {
      switch self {
      case .exchange(let exchange, _): exchange.rawValue
      case .queue(let queue): queue.rawValue
      }
    }
  }
  /// What.
  public var message: Message
  /// Where.
  public var destination: Destination
  /// Not to be handed out before this time; only for a queue. `nil`: at once.
  public var notBefore: Date?
  /// Keeps repeats out; only for a queue, and only on an engine that can (``BrokerCapabilities/uniqueness``).
  public var unique: Uniqueness?

  /// A publication.
  public init(_ message: Message, to destination: Destination, notBefore: Date? = nil, unique: Uniqueness? = nil) {
    self.message = message
    self.destination = destination
    self.notBefore = notBefore
    self.unique = unique
  }

  /// Throws ``BrokerError/Code/invalid`` for what no engine can carry, and ``BrokerError/Code/unsupported`` for what this
  /// one cannot. Engines call it before they store anything.
  ///
  /// - Parameters:
  ///   - uniqueness: what the engine can do with repeats; by default nothing.
  ///   - largestBody: how many bytes the engine takes as a body.
  /// - Throws: also ``BrokerError/Code/tooLarge``.
  public func validate(
    uniqueness: Set<Uniqueness.Repeat.Kind> = [], largestBody: Int = .max
  ) throws(BrokerError) {
    if message.body.count > largestBody {
      throw BrokerError(
        .tooLarge,
        "the body of a message has \(message.body.count) bytes: at most \(largestBody) are possible; store it elsewhere and "
          + "publish where it is")
    }
    try message.id?.validate(as: "id of a message")
    try message.name?.validate(as: "name of a message")
    for (what, text) in [
      ("correlation id", message.correlationID), ("source", message.source), ("content type", message.contentType),
      ("content encoding", message.contentEncoding),
    ] where (text?.utf8.count ?? 0) > 255 {
      throw BrokerError(
        .invalid, "the \(what) of a message has \(text?.utf8.count ?? 0) bytes: at most 255 are possible")
    }
    // An AMQP header frame cannot be split, and the failure record has to fit in beside these.
    var size = message.causationID?.utf8.count ?? 0
    for (name, value) in message.headers {
      if name.isEmpty || name.utf8.count > 128 {
        throw BrokerError(.invalid, "a header's name '\(name.prefix(40))' must have 1 to 128 bytes")
      }
      size += name.utf8.count + value.utf8.count
    }
    if size > Self.headersLimit {
      throw BrokerError(
        .invalid, "the headers of a message have \(size) bytes: at most \(Self.headersLimit) are possible; use the body"
      )
    }
    switch destination {
    case .exchange(let exchange, let key):
      try exchange.validate(as: "name of an exchange")
      try key.validate(as: "routing key", emptyIsFine: true)
      if notBefore != nil {
        throw BrokerError(.invalid, "an event cannot be delayed: publish a job, whose handler publishes the event")
      }
      if unique != nil {
        throw BrokerError(.invalid, "an event cannot be unique: publish a job, or let each handler keep an inbox")
      }
    case .queue(let queue):
      try queue.validate(as: "name of a queue")
      try unique?.validate(uniqueness)
    }
  }

  /// How many bytes all headers of a message may have together.
  public static let headersLimit = 32_768
}
