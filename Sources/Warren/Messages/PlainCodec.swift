public import Foundation

/// The value's own JSON and nothing around it.
public struct PlainCodec: MessageCodec {
  private let encoder: JSONEncoder
  private let decoder: JSONDecoder

  /// `snakeCase` writes `eventId` as `event_id` and reads it back.
  public init(snakeCase: Bool = false) {
    encoder = snakeCase ? JSON.snakeEncoder : JSON.encoder
    decoder = snakeCase ? JSON.snakeDecoder : JSON.decoder
  }

  /// See ``MessageCodec/encode(_:at:)``.
  public func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data { try encoder.encode(message) }
  /// See ``MessageCodec/decode(_:from:)``.
  public func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M {
    try decoder.decode(type, from: message.body)
  }
  /// The body's `type`, if it has one.
  public func name(in message: Message) -> MessageName? { JSON.type(in: message.body) }
}
