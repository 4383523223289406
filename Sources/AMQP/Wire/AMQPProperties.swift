/// The properties of a message. All are optional; the broker itself looks at `deliveryMode`, `priority`, `expiration`,
/// `userID` and the headers `CC` and `BCC`.
public struct AMQPProperties: Sendable, Hashable {
  /// How the broker keeps a message.
  public enum DeliveryMode: UInt8, Sendable, Hashable {
    /// In memory; gone when the broker restarts.
    case transient = 1
    /// On disk, in durable queues.
    case persistent = 2
  }

  /// MIME type of the body.
  public var contentType: String? {
    get { values.fields.contentType }
    set { change { $0.contentType = newValue } }
  }
  /// Encoding of the body, such as `gzip`.
  public var contentEncoding: String? {
    get { values.fields.contentEncoding }
    set { change { $0.contentEncoding = newValue } }
  }
  /// Headers of the application.
  public var headers: AMQPTable? {
    get { values.fields.headers }
    set { change { $0.headers = newValue } }
  }
  /// The delivery mode as the number on the wire; see ``deliveryMode``.
  public var rawDeliveryMode: UInt8? {
    get { values.fields.rawDeliveryMode }
    set { change { $0.rawDeliveryMode = newValue } }
  }
  /// Priority from 0 to 255; what the queue makes of it depends on its kind.
  public var priority: UInt8? {
    get { values.fields.priority }
    set { change { $0.priority = newValue } }
  }
  /// Ties a reply to a request.
  public var correlationID: String? {
    get { values.fields.correlationID }
    set { change { $0.correlationID = newValue } }
  }
  /// Where a reply should go.
  public var replyTo: String? {
    get { values.fields.replyTo }
    set { change { $0.replyTo = newValue } }
  }
  /// Time to live in milliseconds, written as a decimal number.
  public var expiration: String? {
    get { values.fields.expiration }
    set { change { $0.expiration = newValue } }
  }
  /// The application's identifier of the message.
  public var messageID: String? {
    get { values.fields.messageID }
    set { change { $0.messageID = newValue } }
  }
  /// Seconds since 1970.
  public var timestamp: UInt64? {
    get { values.fields.timestamp }
    set { change { $0.timestamp = newValue } }
  }
  /// The name of the kind of message.
  public var type: String? {
    get { values.fields.type }
    set { change { $0.type = newValue } }
  }
  /// The publishing user. The broker refuses it unless it is the login of the connection.
  public var userID: String? {
    get { values.fields.userID }
    set { change { $0.userID = newValue } }
  }
  /// The publishing application.
  public var appID: String? {
    get { values.fields.appID }
    set { change { $0.appID = newValue } }
  }
  /// Reserved by the specification; passed on unchanged.
  public var clusterID: String? {
    get { values.fields.clusterID }
    set { change { $0.clusterID = newValue } }
  }

  /// The values. One reference, as a message is handed on many times, and most have few of them.
  private var values: Values

  /// The values themselves, for the codec.
  struct Fields: Sendable, Hashable {
    var contentType: String?
    var contentEncoding: String?
    var headers: AMQPTable?
    var rawDeliveryMode: UInt8?
    var priority: UInt8?
    var correlationID: String?
    var replyTo: String?
    var expiration: String?
    var messageID: String?
    var timestamp: UInt64?
    var type: String?
    var userID: String?
    var appID: String?
    var clusterID: String?
  }

  private final class Values: Sendable {
    let fields: Fields
    init(_ fields: consuming Fields) { self.fields = fields }
    init(_ fill: (inout Fields) throws(WireError) -> Void) throws(WireError) {
      var fields = Fields()
      try fill(&fields)
      self.fields = fields
    }
  }

  init(_ fields: consuming Fields) { values = Values(fields) }

  /// Properties that `fill` writes, for the codec.
  init(_ fill: (inout Fields) throws(WireError) -> Void) throws(WireError) { values = try Values(fill) }

  private mutating func change(_ body: (inout Fields) -> Void) {
    var fields = values.fields
    body(&fields)
    values = Values(fields)
  }

  /// Properties of a message; with no arguments there are none, and the message is transient.
  public init(
    contentType: String? = nil, contentEncoding: String? = nil, headers: AMQPTable? = nil,
    deliveryMode: DeliveryMode? = nil, priority: UInt8? = nil, correlationID: String? = nil, replyTo: String? = nil,
    expiration: String? = nil, messageID: String? = nil, timestamp: UInt64? = nil, type: String? = nil,
    userID: String? = nil, appID: String? = nil
  ) {
    self.init(
      Fields(
        contentType: contentType, contentEncoding: contentEncoding, headers: headers,
        rawDeliveryMode: deliveryMode?.rawValue, priority: priority, correlationID: correlationID, replyTo: replyTo,
        expiration: expiration, messageID: messageID, timestamp: timestamp, type: type, userID: userID, appID: appID))
  }

  /// Properties of a message that survives a restart of the broker.
  public static let persistent = AMQPProperties(deliveryMode: .persistent)

  /// How the broker keeps the message. `nil` if not said, or said with a number that means nothing.
  public var deliveryMode: DeliveryMode? {
    get { rawDeliveryMode.flatMap(DeliveryMode.init(rawValue:)) }
    set { rawDeliveryMode = newValue?.rawValue }
  }

  /// Whether the values are equal.
  public static func == (a: AMQPProperties, b: AMQPProperties) -> Bool {
    a.values === b.values || a.values.fields == b.values.fields
  }

  /// Hashes the values.
  public func hash(into hasher: inout Hasher) { hasher.combine(values.fields) }

  /// Throws unless every property fits the wire.
  func check() throws(AMQPError) {
    if let contentType { try Limit.check(contentType, "content type") }
    if let contentEncoding { try Limit.check(contentEncoding, "content encoding") }
    if let correlationID { try Limit.check(correlationID, "correlation id") }
    if let replyTo { try Limit.check(replyTo, "reply-to") }
    if let expiration { try Limit.check(expiration, "expiration") }
    if let messageID { try Limit.check(messageID, "message id") }
    if let type { try Limit.check(type, "type") }
    if let userID { try Limit.check(userID, "user id") }
    if let appID { try Limit.check(appID, "app id") }
    if let clusterID { try Limit.check(clusterID, "cluster id") }
  }
}
