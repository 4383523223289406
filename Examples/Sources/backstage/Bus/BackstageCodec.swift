internal import Crypto
public import Foundation
public import Warren

/// The envelope of backstage: `{"type": …, "data": {…}, "timestamp": …, "service": …}`, with the fields of the data in
/// snake_case. What is published because of another message has its `correlation_id` as well.
public struct BackstageCodec: MessageCodec {
  private let service: String

  /// Writes `service` into each envelope.
  public init(service: String) { self.service = service }

  private struct Envelope<Content: Encodable>: Encodable {
    var type: String
    var data: Content
    var timestamp: Date
    var service: String
    var correlationId: String?
  }
  private struct Content<Value: Decodable>: Decodable { var data: Value }
  private struct Head: Decodable {
    var type: String?
    var timestamp: String?
  }

  /// See `MessageCodec`. The type of an event is its routing key.
  public func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data {
    let key = (message as? any EventMessage)?.routingKey.rawValue
    return try Self.encoder.encode(
      Envelope(
        type: key ?? M.name.rawValue, data: message, timestamp: time, service: service,
        correlationId: MessageContext.current?.correlationID))
  }

  /// See `MessageCodec`.
  public func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M {
    try Self.decoder.decode(Content<M>.self, from: message.body).data
  }

  /// The envelope's `type`.
  public func name(in message: Message) -> MessageName? {
    (try? Self.decoder.decode(Head.self, from: message.body))?.type.map { MessageName($0) }
  }

  /// Other programs leave the id out. An envelope with its time is the same event when it is the same text.
  public func id(in message: Message) -> MessageID? {
    guard (try? Self.decoder.decode(Head.self, from: message.body))?.timestamp != nil else { return nil }
    let digest = SHA256.hash(data: message.body).map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
    return MessageID("sha256-\(digest.joined())")
  }

  static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    // With milliseconds, as `new Date().toISOString()` writes it.
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      try container.encode(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }
    return encoder
  }()

  static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
      guard let date = try? Date(text, strategy: style) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "'\(text.prefix(40))' is not an ISO 8601 time")
      }
      return date
    }
    return decoder
  }()
}
