internal import Foundation

/// The shape in which publications are stored by those who send them later, kept as that of ``Message`` is.
///
/// ```json
/// {"version":1,"to":{"queue":"email_queue"},"notBefore":1800000000000,
///  "unique":{"key":"reminder-7","window":86400000,"onRepeat":"keep"},"message":{…}}
/// ```
extension Publication: Codable {
  private enum Key: String, CodingKey { case version, to, notBefore, unique, message }

  /// Writes the shape above.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(StoredShape.version, forKey: .version)
    try fields.encode(destination, forKey: .to)
    try fields.encodeIfPresent(notBefore?.wholeMillisecondsRoundedUp, forKey: .notBefore)
    try fields.encodeIfPresent(unique, forKey: .unique)
    try fields.encode(message, forKey: .message)
  }

  /// Reads the shape above.
  ///
  /// - Throws: `DecodingError` when it is another shape, or one of a newer Warren that this version cannot read.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    try StoredShape.check(fields, .version)
    self.init(
      try fields.decode(Message.self, forKey: .message), to: try fields.decode(Destination.self, forKey: .to),
      notBefore: try fields.decodeIfPresent(Int64.self, forKey: .notBefore).map { Date(wholeMilliseconds: $0) },
      unique: try fields.decodeIfPresent(Uniqueness.self, forKey: .unique))
  }
}

/// `{"exchange":"tutorgo_events","key":"booking.created"}` or `{"queue":"email_queue"}`.
extension Publication.Destination: Codable {
  private enum Key: String, CodingKey { case exchange, key, queue }

  /// Writes the shape above.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    switch self {
    case .exchange(let exchange, let key):
      try fields.encode(exchange, forKey: .exchange)
      try fields.encode(key, forKey: .key)
    case .queue(let queue): try fields.encode(queue, forKey: .queue)
    }
  }

  /// Reads the shape above.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    if let queue = try fields.decodeIfPresent(QueueName.self, forKey: .queue) {
      self = .queue(queue)
    } else {
      self = .exchange(
        try fields.decode(ExchangeName.self, forKey: .exchange), try fields.decode(RoutingKey.self, forKey: .key))
    }
  }
}

/// `{"key":"reminder-7","window":86400000,"onRepeat":"keep"}`; times are milliseconds.
extension Uniqueness: Codable {
  private enum Key: String, CodingKey { case key, window, onRepeat, longestDelay }

  /// Writes the shape above.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(key, forKey: .key)
    try fields.encode(window.wholeMilliseconds, forKey: .window)
    try fields.encode(onRepeat.kind, forKey: .onRepeat)
    try fields.encodeIfPresent(onRepeat.longestDelay?.wholeMilliseconds, forKey: .longestDelay)
  }

  /// Reads the shape above.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    func duration(_ key: Key) throws -> Duration? {
      try fields.decodeIfPresent(Int64.self, forKey: key).map { .milliseconds($0) }
    }
    self.init(
      key: try fields.decode(String.self, forKey: .key), window: try duration(.window) ?? .zero,
      onRepeat: Repeat(
        kind: try fields.decodeIfPresent(Repeat.Kind.self, forKey: .onRepeat) ?? .keep,
        longestDelay: try duration(.longestDelay)))
  }
}
