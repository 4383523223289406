/// A reason to end the connection because of what the peer sent, with the AMQP reply code that names it.
struct WireError: Error, Equatable, Sendable {
  let replyCode: UInt16
  let text: String

  /// 501: a frame is malformed.
  static func frame(_ text: String) -> WireError { WireError(replyCode: 501, text: text) }
  /// 502: a value cannot be decoded.
  static func syntax(_ text: String) -> WireError { WireError(replyCode: 502, text: text) }
  /// 503: a method or frame that makes no sense now.
  static func command(_ text: String) -> WireError { WireError(replyCode: 503, text: text) }
  /// 504: a channel that is not open.
  static func channel(_ text: String) -> WireError { WireError(replyCode: 504, text: text) }
  /// 505: a frame of another kind was due.
  static func unexpected(_ text: String) -> WireError { WireError(replyCode: 505, text: text) }
  /// 540: a method that is unknown here.
  static func notImplemented(_ text: String) -> WireError { WireError(replyCode: 540, text: text) }

  /// The same as users see it.
  var asError: AMQPError {
    AMQPError(
      .protocolViolation, "The peer broke the protocol: \(text). The connection is closed; check what listens there.",
      replyCode: replyCode, isRetryable: true)
  }
}
