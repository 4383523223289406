public import Foundation

/// What an engine carries: an id, a name, headers and a body.
public struct Message: Sendable, Equatable {
  /// Text by name. A header of another AMQP type is read as its text (`12`, `true`) and keeps its type when the message
  /// is retried, dead-lettered or replayed. Names that begin with `warren-` are Warren's own.
  public typealias Headers = [String: String]

  /// Never changes during a message's life. `nil` only on a foreign message that came without one; none is invented.
  public var id: MessageID? {
    get { parts.id }
    _modify {
      own()
      yield &parts.id
    }
  }
  /// What the message is. `nil` on a foreign message whose `type` property is missing.
  public var name: MessageName? {
    get { parts.name }
    _modify {
      own()
      yield &parts.name
    }
  }
  /// The encoded content.
  public var body: Data {
    get { parts.body }
    _modify {
      own()
      yield &parts.body
    }
  }
  /// Further text by name, such as `traceparent`.
  public var headers: Headers {
    get { parts.headers }
    _modify {
      own()
      yield &parts.headers
    }
  }
  /// The media type of ``body``. Warren's own codecs write `application/json`.
  public var contentType: String? {
    get { parts.contentType }
    _modify {
      own()
      yield &parts.contentType
    }
  }
  /// How ``body`` is packed, such as `gzip`; `nil` when it is not.
  public var contentEncoding: String? {
    get { parts.contentEncoding }
    _modify {
      own()
      yield &parts.contentEncoding
    }
  }
  /// When the message was published.
  public var timestamp: Date? {
    get { parts.timestamp }
    _modify {
      own()
      yield &parts.timestamp
    }
  }
  /// The id that a whole chain of messages shares: that of its first message.
  public var correlationID: String? {
    get { parts.correlationID }
    _modify {
      own()
      yield &parts.correlationID
    }
  }
  /// The id of the message during whose handling this one was published.
  public var causationID: String? {
    get { parts.causationID }
    _modify {
      own()
      yield &parts.causationID
    }
  }
  /// Who published it: the `source` of the ``EventBus``. AMQP calls it `app-id`.
  public var source: String? {
    get { parts.source }
    _modify {
      own()
      yield &parts.source
    }
  }
  /// Which message goes first.
  public var priority: Priority {
    get { parts.priority }
    _modify {
      own()
      yield &parts.priority
    }
  }
  /// After this time the message is no longer handled but parked with the reason `expired`.
  public var expiresAt: Date? {
    get { parts.expiresAt }
    _modify {
      own()
      yield &parts.expiresAt
    }
  }

  /// A message as it is. ``EventBus`` makes them from typed ones.
  public init(
    id: MessageID?, name: MessageName?, body: Data, headers: Headers = [:], contentType: String? = "application/json",
    contentEncoding: String? = nil, timestamp: Date? = nil, correlationID: String? = nil, causationID: String? = nil,
    source: String? = nil, priority: Priority = .normal, expiresAt: Date? = nil
  ) {
    parts = Parts(
      id,
      name,
      body,
      headers,
      contentType,
      contentEncoding,
      timestamp,
      correlationID,
      causationID,
      source,
      priority,
      expiresAt)
  }

  /// One reference, copied on write: a message is handed on a dozen times in its life, and has a dozen parts.
  private var parts: Parts

  private mutating func own() {
    if !isKnownUniquelyReferenced(&parts) { parts = parts.copy() }
  }

  /// Whether all parts are equal.
  public static func == (a: Message, b: Message) -> Bool { a.parts === b.parts || a.parts.isEqual(to: b.parts) }
}

/// The parts of a message, shared by its copies. Only an owner without sharers changes them.
private final class Parts: @unchecked Sendable {
  var id: MessageID?
  var name: MessageName?
  var body: Data
  var headers: Message.Headers
  var contentType: String?
  var contentEncoding: String?
  var timestamp: Date?
  var correlationID: String?
  var causationID: String?
  var source: String?
  var priority: Priority
  var expiresAt: Date?

  init(
    _ id: MessageID?, _ name: MessageName?, _ body: Data, _ headers: Message.Headers, _ contentType: String?,
    _ contentEncoding: String?, _ timestamp: Date?, _ correlationID: String?, _ causationID: String?, _ source: String?,
    _ priority: Priority, _ expiresAt: Date?
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

  func copy() -> Parts {
    Parts(
      id, name, body, headers, contentType, contentEncoding, timestamp, correlationID, causationID, source, priority,
      expiresAt)
  }

  func isEqual(to other: Parts) -> Bool {
    id == other.id && name == other.name && body == other.body && headers == other.headers
      && contentType == other.contentType && contentEncoding == other.contentEncoding && timestamp == other.timestamp
      && correlationID == other.correlationID && causationID == other.causationID && source == other.source
      && priority == other.priority && expiresAt == other.expiresAt
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
