public import Foundation

/// A delivery that a worker holds: which message, and since when.
public struct RunningDelivery: Sendable, Hashable, Codable {
  /// The queue that it came from.
  public var queue: QueueName
  /// The message's id; `nil` on a foreign message without one.
  public var id: MessageID?
  /// What the message is, where it says so itself.
  public var name: MessageName?
  /// When the worker received it.
  public var since: Date

  /// A delivery that is held since this time.
  public init(queue: QueueName, id: MessageID?, name: MessageName?, since: Date) {
    self.queue = queue
    self.id = id
    self.name = name
    self.since = since
  }
}
