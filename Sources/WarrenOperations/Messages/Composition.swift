public import Foundation
public import Warren

/// A message that a person publishes: its content as JSON, and how it travels.
public struct Composition: Sendable {
  /// What the message is.
  public var name: MessageName
  /// Its content.
  public var data: JSONText
  /// Whether the body is the content alone, without Warren's envelope.
  public var isPlain: Bool
  /// Its headers.
  public var headers: Message.Headers
  /// An id of one's own.
  public var id: MessageID?
  /// Keeps repeats out; only for a job.
  public var unique: Uniqueness?
  /// Which message goes first.
  public var priority: Priority
  /// Not before this time; only for a job.
  public var notBefore: Date?

  /// A message to publish.
  public init(
    _ name: MessageName, data: JSONText = .object([]), isPlain: Bool = false, headers: Message.Headers = [:],
    id: MessageID? = nil, unique: Uniqueness? = nil, priority: Priority = .normal, notBefore: Date? = nil
  ) {
    self.name = name
    self.data = data
    self.isPlain = isPlain
    self.headers = headers
    self.id = id
    self.unique = unique
    self.priority = priority
    self.notBefore = notBefore
  }

  /// The message, published by `source`.
  public func message(source: String, now: Date) -> Message {
    let body =
      isPlain
      ? data
      : .object([
        .init("type", .string(name.rawValue)), .init("timestamp", .string(now.formatted(.iso8601))),
        .init("data", data),
      ])
    return Message(
      id: id ?? .unique(), name: name, body: Data(body.compact.utf8), headers: headers, timestamp: now, source: source,
      priority: priority)
  }
}
