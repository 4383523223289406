internal import Foundation
public import Warren

/// What the environment decides about messaging.
public struct MessagingSettings: Sendable {
  /// Where events go: `RABBITMQ_EXCHANGE`.
  public var exchange: Exchange = "tutorgo_events"
  /// How often a first connection is tried again: `RABBITMQ_RETRY_ATTEMPTS`.
  public var retryAttempts = 5
  /// The pause before the first of these, which doubles each time: `RABBITMQ_RETRY_DELAY`, in milliseconds.
  public var retryDelay: Duration = .milliseconds(2000)
  /// For how long an event is worth handling: `RABBITMQ_MESSAGE_TTL`, in milliseconds; for ever without it.
  public var timeToLive: Duration?
  /// Bodies above so many bytes are packed: `RABBITMQ_COMPRESS_ABOVE`; none without it.
  public var compressAbove: Int?

  /// The defaults.
  public init() {}

  /// What the environment says. What is set to nothing is not set.
  ///
  /// - Throws: ``MessagingError`` that names the variable.
  public init(environment: [String: String]) throws(MessagingError) {
    func number(_ name: String, _ range: ClosedRange<Int>) throws(MessagingError) -> Int? {
      guard let text = environment[name], !text.isEmpty else { return nil }
      guard let number = Int(text), range.contains(number) else {
        throw MessagingError(
          "\(name) is '\(text.prefix(40))': it must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    if let name = environment["RABBITMQ_EXCHANGE"], !name.isEmpty {
      if name.utf8.count > 255 || name.hasPrefix("amq.") {
        throw MessagingError(
          "RABBITMQ_EXCHANGE is '\(name.prefix(40))': it must have at most 255 bytes and not begin with 'amq.'")
      }
      exchange = .topic(ExchangeName(name))
    }
    retryAttempts = try number("RABBITMQ_RETRY_ATTEMPTS", 0...100) ?? retryAttempts
    retryDelay = try number("RABBITMQ_RETRY_DELAY", 1...3_600_000).map { .milliseconds($0) } ?? retryDelay
    timeToLive = try number("RABBITMQ_MESSAGE_TTL", 1...31_536_000_000).map { .milliseconds($0) }
    compressAbove = try number("RABBITMQ_COMPRESS_ABOVE", 0...16_777_216)
  }

  /// The pauses between the attempts to connect.
  public var connectPauses: [Duration] {
    RetryPolicy.exponential(from: retryDelay, retries: retryAttempts).delays
  }

  /// What makes the messages of a service.
  public func composer(source: String, clock: any BrokerClock = SystemClock()) -> MessageComposer {
    var middleware: [any Middleware] = []
    if let timeToLive { middleware.append(EventLifetime(timeToLive)) }
    return MessageComposer(
      source: source, exchange: exchange, codec: FlatCodec(), middleware: middleware,
      compression: compressAbove.map { .gzip(above: $0) } ?? .none, clock: clock)
  }
}

/// Gives events a time to live that have none. Jobs keep theirs: a refund does not expire.
struct EventLifetime: Middleware {
  let timeToLive: Duration
  init(_ timeToLive: Duration) { self.timeToLive = timeToLive }

  func publishing(_ publication: inout Publication) throws {
    guard case .exchange = publication.destination, publication.message.expiresAt == nil else { return }
    publication.message.expiresAt = (publication.message.timestamp ?? .now)
      .addingTimeInterval(Double(timeToLive.components.seconds) + Double(timeToLive.components.attoseconds) / 1e18)
  }
}

/// What is wrong with the settings or the connection, and what to do.
public struct MessagingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String
  init(_ description: String) { self.description = description }
}
