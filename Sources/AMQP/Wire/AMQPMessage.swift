public import NIOCore

/// A message to publish.
public struct AMQPMessage: Sendable, Hashable {
  /// The exchange; empty is the default exchange, which routes to the queue of the key's name.
  public var exchange: String
  /// The routing key, at most 255 bytes.
  public var routingKey: String
  /// Whether the broker must hand the message back if it routes it to no queue. Then ``AMQPChannel/publish(_:timeout:)``
  /// fails with `unroutable`; else such a message is gone and counts as confirmed.
  public var mandatory: Bool
  /// The properties.
  public var properties: AMQPProperties
  /// The body.
  public var body: ByteBuffer

  /// A message; persistent and mandatory by default.
  public init(
    exchange: String = "", routingKey: String, mandatory: Bool = true, properties: AMQPProperties = .persistent,
    body: ByteBuffer
  ) {
    self.exchange = exchange
    self.routingKey = routingKey
    self.mandatory = mandatory
    self.properties = properties
    self.body = body
  }

  /// A message of text.
  public init(
    exchange: String = "", routingKey: String, mandatory: Bool = true, properties: AMQPProperties = .persistent,
    body: String
  ) {
    self.init(
      exchange: exchange, routingKey: routingKey, mandatory: mandatory, properties: properties,
      body: ByteBuffer(string: body))
  }

  /// Roughly what the message costs on the wire and in memory.
  var cost: Int { body.readableBytes + 128 }

  /// Why the message does not fit the wire, if it does not. The header frame's size is checked when it is encoded.
  func refusal(maxBodySize: Int) -> AMQPError? {
    do throws(AMQPError) {
      try Limit.check(exchange, "name of the exchange")
      try Limit.check(routingKey, "routing key")
      try properties.check()
    } catch { return error }
    guard body.readableBytes > maxBodySize else { return nil }
    return AMQPError(
      .messageTooLarge,
      "The body has \(body.readableBytes) bytes, the limit is \(maxBodySize) (maxOutboundBodySize). Nothing was sent.")
  }
}

/// What became of a published message.
public enum AMQPPublishResult: Sendable {
  /// The broker has it, in every queue it was routed to.
  case confirmed
  /// The broker routed it to no queue and handed it back, with its reply code (312) and text.
  case unroutable(replyCode: UInt16, replyText: String)
  /// The broker refused it. It may still be in some of several queues.
  case nacked
  /// It was sent and its confirmation cannot arrive any more, for this reason.
  case unknown(AMQPError)
  /// It was not sent, for this reason: too large, invalid, out of time before its turn, or the channel is closed.
  case notSent(AMQPError)

  /// Whether the broker has the message.
  public var isConfirmed: Bool {
    if case .confirmed = self { true } else { false }
  }

  /// The failure as an error, or `nil` for a confirmed message.
  public var error: AMQPError? {
    switch self {
    case .confirmed: nil
    case .unroutable(let code, let text):
      AMQPError(
        .unroutable, "No queue takes this message: bind one to its exchange with a matching key.", replyCode: code,
        replyText: text)
    case .nacked:
      AMQPError(
        .nacked, "The broker refused the message; a queue may be full. Try again later with the same message id.")
    case .unknown(let error), .notSent(let error): error
    }
  }
}
