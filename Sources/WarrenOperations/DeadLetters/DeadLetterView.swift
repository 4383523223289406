public import Foundation
public import Warren

/// A dead letter as it is shown, its secrets hidden.
public struct DeadLetterView: Sendable, Equatable, Codable {
  /// The message's id; missing on a foreign message that came without one.
  public var id: MessageID?
  /// What tells it from every other dead letter, and selects it as an id does: see ``Warren/DeadLetter/address``.
  public var address: MessageID?
  /// What the message is.
  public var name: MessageName?
  /// The queue in which it lies.
  public var queue: QueueName
  /// The queue that gave up on it.
  public var origin: QueueName
  /// Why, in a word.
  public var reason: DeadLetterReason.Kind
  /// Why, in particular.
  public var detail: String
  /// When it was parked.
  public var time: Date
  /// How often a handler failed on it.
  public var attempts: Int
  /// How often the worker that held it died.
  public var interruptions: Int
  /// How often a person has sent it back to work.
  public var replays: Int
  /// The last failures, the oldest first.
  public var failures: [Failure]
  /// The exchange that brought it to its origin.
  public var exchange: ExchangeName?
  /// The routing key that it was published with.
  public var routingKey: RoutingKey
  /// When it was published.
  public var published: Date?
  /// Who published it.
  public var source: String?
  /// The id of its chain of messages.
  public var correlationID: String?
  /// The id of the message that caused it.
  public var causationID: String?
  /// Which message goes first, 0 to 9.
  public var priority: Priority
  /// When it stops being worth handling.
  public var expiresAt: Date?
  /// The media type of its body.
  public var contentType: String?
  /// How its body is packed.
  public var contentEncoding: String?
  /// Its headers.
  public var headers: Message.Headers
  /// Its body; `nil` when it was not read.
  public var body: BodyView?

  /// A dead letter as it may be shown.
  public init(_ letter: DeadLetter, mask: Mask = .standard, includesBody: Bool = true) {
    let message = letter.message
    id = message.id
    address = letter.address
    name = message.name
    queue = letter.queue
    origin = letter.origin
    reason = letter.reason.kind
    detail = mask.text(letter.reason.detail)
    time = letter.time
    attempts = letter.history.attempts
    interruptions = letter.history.interruptions
    replays = letter.history.replays
    failures = mask.failures(letter.history.failures)
    exchange = letter.exchange
    routingKey = letter.routingKey
    published = message.timestamp
    source = message.source
    correlationID = message.correlationID
    causationID = message.causationID
    priority = message.priority
    expiresAt = message.expiresAt
    contentType = message.contentType
    contentEncoding = message.contentEncoding
    headers = mask.headers(message.headers)
    body = includesBody ? BodyView(message, mask: mask) : nil
  }
}
