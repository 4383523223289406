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
  public var contentType: String?
  /// Encoding of the body, such as `gzip`.
  public var contentEncoding: String?
  /// Headers of the application.
  public var headers: AMQPTable?
  /// The delivery mode as the number on the wire; see ``deliveryMode``.
  public var rawDeliveryMode: UInt8?
  /// Priority from 0 to 255; what the queue makes of it depends on its kind.
  public var priority: UInt8?
  /// Ties a reply to a request.
  public var correlationID: String?
  /// Where a reply should go.
  public var replyTo: String?
  /// Time to live in milliseconds, written as a decimal number.
  public var expiration: String?
  /// The application's identifier of the message.
  public var messageID: String?
  /// Seconds since 1970.
  public var timestamp: UInt64?
  /// The name of the kind of message.
  public var type: String?
  /// The publishing user. The broker refuses it unless it is the login of the connection.
  public var userID: String?
  /// The publishing application.
  public var appID: String?
  /// Reserved by the specification; passed on unchanged.
  public var clusterID: String?

  /// Properties of a message; with no arguments there are none, and the message is transient.
  public init(
    contentType: String? = nil, contentEncoding: String? = nil, headers: AMQPTable? = nil,
    deliveryMode: DeliveryMode? = nil, priority: UInt8? = nil, correlationID: String? = nil, replyTo: String? = nil,
    expiration: String? = nil, messageID: String? = nil, timestamp: UInt64? = nil, type: String? = nil,
    userID: String? = nil, appID: String? = nil
  ) {
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.headers = headers
    self.rawDeliveryMode = deliveryMode?.rawValue
    self.priority = priority
    self.correlationID = correlationID
    self.replyTo = replyTo
    self.expiration = expiration
    self.messageID = messageID
    self.timestamp = timestamp
    self.type = type
    self.userID = userID
    self.appID = appID
  }

  /// Properties of a message that survives a restart of the broker.
  public static let persistent = AMQPProperties(deliveryMode: .persistent)

  /// How the broker keeps the message. `nil` if not said, or said with a number that means nothing.
  public var deliveryMode: DeliveryMode? {
    get { rawDeliveryMode.flatMap(DeliveryMode.init(rawValue:)) }
    set { rawDeliveryMode = newValue?.rawValue }
  }

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
