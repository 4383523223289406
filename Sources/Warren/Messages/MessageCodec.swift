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

/// Warren's default: the value in an envelope, `{"type": …, "timestamp": …, "data": …}`.
public struct EnvelopeCodec: MessageCodec {
  /// The codec.
  public init() {}

  private struct Envelope<Content: Encodable>: Encodable {
    var type: String
    var timestamp: Date
    var data: Content
  }
  private struct Content<M: Decodable>: Decodable { var data: M }

  /// See ``MessageCodec/encode(_:at:)``.
  public func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data {
    try JSON.encoder.encode(Envelope(type: M.name.rawValue, timestamp: time, data: message))
  }
  /// See ``MessageCodec/decode(_:from:)``.
  public func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M {
    try JSON.decoder.decode(Content<M>.self, from: message.body).data
  }
  /// The body's `type`.
  public func name(in message: Message) -> MessageName? { JSON.type(in: message.body) }
}

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

/// The coders that all codecs share: making one costs more than using it.
enum JSON {
  static let encoder = makeEncoder { _ in }
  static let snakeEncoder = makeEncoder { $0.keyEncodingStrategy = .convertToSnakeCase }
  static let decoder = makeDecoder { _ in }
  static let snakeDecoder = makeDecoder { $0.keyDecodingStrategy = .convertFromSnakeCase }

  private struct Head: Decodable { var type: String? }

  static func type(in body: Data) -> MessageName? {
    (try? decoder.decode(Head.self, from: body))?.type.map { MessageName($0) }
  }

  private static func makeEncoder(_ configure: (JSONEncoder) -> Void) -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    // Sorted, so that the same value is the same text: for people who compare, and for what compresses.
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    configure(encoder)
    return encoder
  }

  private static func makeDecoder(_ configure: (JSONDecoder) -> Void) -> JSONDecoder {
    let decoder = JSONDecoder()
    // JavaScript writes fractions of a second, Swift does not: both are read.
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))) {
        return date
      }
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text.prefix(40))' is not an ISO 8601 time")
    }
    configure(decoder)
    return decoder
  }
}
