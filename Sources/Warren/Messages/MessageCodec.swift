public import Foundation

/// How typed messages become bodies and back, chosen for an exchange or a queue.
public protocol MessageCodec: Sendable {
  /// The media type of what it writes.
  var contentType: String { get }
  /// The body of a message published at `time`.
  func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data
  /// The typed message in a body. What it throws parks the message as `undecodable`.
  func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M
  /// The name that the body itself gives the message; asked when the property `type` is missing.
  func name(in message: Message) -> MessageName?
  /// The id that the body itself gives a foreign message; asked when the property `message-id` is missing.
  func id(in message: Message) -> MessageID?
}

extension MessageCodec {
  /// `application/json`.
  public var contentType: String { "application/json" }
  /// None.
  public func id(in message: Message) -> MessageID? { nil }
}

extension MessageCodec where Self == EnvelopeCodec {
  /// ``EnvelopeCodec``.
  public static var envelope: EnvelopeCodec { EnvelopeCodec() }
}

extension MessageCodec where Self == PlainCodec {
  /// ``PlainCodec``, with the fields as Swift names them.
  public static var plain: PlainCodec { PlainCodec() }
  /// ``PlainCodec``, with the fields in snake_case.
  public static var snakeCase: PlainCodec { PlainCodec(snakeCase: true) }
}
