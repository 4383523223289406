public import Foundation

/// What an engine carries: an id, a name, headers and a body.
public struct Message: Sendable, Equatable {
  /// Text by name. A header of another AMQP type is read as its text (`12`, `true`) and keeps its type when the message
  /// is retried, dead-lettered or replayed. Names that begin with `warren-` are Warren's own.
  public typealias Headers = [String: String]

  /// Never changes during a message's life. `nil` only on a foreign message that came without one; none is invented.
  public var id: MessageID?
  /// What the message is. `nil` on a foreign message whose `type` property is missing.
  public var name: MessageName?
  /// The encoded content.
  public var body: Data
  /// Further text by name, such as `traceparent`.
  public var headers: Headers
  /// The media type of ``body``. Warren's own codecs write `application/json`.
  public var contentType: String?
  /// How ``body`` is packed, such as `gzip`; `nil` when it is not.
  public var contentEncoding: String?
  /// When the message was published.
  public var timestamp: Date?
  /// The id that a whole chain of messages shares: that of its first message.
  public var correlationID: String?
  /// The id of the message during whose handling this one was published.
  public var causationID: String?
  /// Who published it: the `source` of the ``EventBus``. AMQP calls it `app-id`.
  public var source: String?
  /// Which message goes first.
  public var priority: Priority
  /// After this time the message is no longer handled but parked with the reason `expired`.
  public var expiresAt: Date?

  /// A message as it is. ``EventBus`` makes them from typed ones.
  public init(
    id: MessageID?, name: MessageName?, body: Data, headers: Headers = [:], contentType: String? = "application/json",
    contentEncoding: String? = nil, timestamp: Date? = nil, correlationID: String? = nil, causationID: String? = nil,
    source: String? = nil, priority: Priority = .normal, expiresAt: Date? = nil
  ) {
    self.id = id
    self.name = name
    self.body = body
    self.headers = headers
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.timestamp = timestamp
    self.correlationID = correlationID
    self.causationID = causationID
    self.source = source
    self.priority = priority
    self.expiresAt = expiresAt
  }
}

/// Which of the waiting messages goes first: 0 to 9, the higher the sooner. Equal ones go in the order of arrival.
public struct Priority: RawRepresentable, Hashable, Comparable, Codable, Sendable, ExpressibleByIntegerLiteral {
  /// 0 to 9.
  public let rawValue: UInt8
  /// `nil` unless 0 to 9.
  public init?(rawValue: UInt8) {
    guard rawValue <= 9 else { return nil }
    self.rawValue = rawValue
  }
  /// What is above 9 counts as 9.
  public init(integerLiteral value: UInt8) { rawValue = min(value, 9) }
  /// 1.
  public static let low: Priority = 1
  /// 4, which is also what RabbitMQ 4.3 gives a message without one.
  public static let normal: Priority = 4
  /// 7.
  public static let high: Priority = 7
  /// By number.
  public static func < (a: Priority, b: Priority) -> Bool { a.rawValue < b.rawValue }
}
