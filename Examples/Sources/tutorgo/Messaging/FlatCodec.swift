public import Foundation
public import Warren

/// Flat JSON without an envelope: `{"bookingId": …, "timestamp": …}`.
///
/// A publisher that is not ours may send no message id, by which a repeat is known: then what the message is about is its id.
public struct FlatCodec: MessageCodec {
  private let plain = PlainCodec()
  private struct Content: Decodable {
    var bookingId: String?
    var paymentId: String?
    var reviewId: String?
    var timestamp: String?
  }

  /// The codec.
  public init() {}

  /// See `MessageCodec`.
  public func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data {
    try plain.encode(message, at: time)
  }
  /// See `MessageCodec`.
  public func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M {
    try plain.decode(type, from: message)
  }
  /// None: the routing key says what an event is, never a field.
  public func name(in message: Message) -> MessageName? { nil }

  /// What the message is about, and when it happened.
  public func id(in message: Message) -> MessageID? {
    guard let content = try? JSONDecoder().decode(Content.self, from: message.body),
      let subject = content.reviewId ?? content.paymentId ?? content.bookingId
    else { return nil }
    let text = content.timestamp.map { "\(subject)@\($0)" } ?? subject
    return text.utf8.count <= 255 ? MessageID(text) : nil
  }
}
