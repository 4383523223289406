public import Foundation
public import Warren

/// An event as a subscriber gets it, whatever its type: of ours or of a service that this program does not know.
public struct Event: Sendable, CustomStringConvertible {
  /// What happened: `ticket.purchased`.
  public let type: String
  /// When it was published, if it says so.
  public let timestamp: Date?
  /// Which service published it, if it says so.
  public let service: String?
  /// The same each time that the event is delivered; `nil` for one that came without an id.
  public let id: MessageID?
  private let body: Data

  private struct Head: Decodable {
    var type: String?
    var timestamp: Date?
    var service: String?
  }
  private struct Content<Value: Decodable>: Decodable { var data: Value }

  init(_ message: Message, key: RoutingKey) {
    let head = try? BackstageCodec.decoder.decode(Head.self, from: message.body)
    type = head?.type ?? key.rawValue
    timestamp = head?.timestamp ?? message.timestamp
    service = head?.service ?? message.source
    id = message.id
    body = message.body
  }

  /// The event's `data` as a type of yours, whose `userId` is `user_id` there.
  public func data<Value: Decodable>(as type: Value.Type) throws -> Value {
    try BackstageCodec.decoder.decode(Content<Value>.self, from: body).data
  }

  /// The whole event as it came: JSON.
  public var description: String { String(decoding: body, as: UTF8.self) }
}
