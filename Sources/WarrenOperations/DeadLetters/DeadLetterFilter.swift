public import Foundation
public import Warren

/// Which dead letters an operator means. Every condition that is given must hold; of several ids any one.
public struct DeadLetterFilter: Sendable, Equatable, Codable {
  /// Only these messages; empty: all. A message that several queues gave up on is several dead letters.
  public var ids: [MessageID]
  /// Only those that lie in this queue.
  public var queue: QueueName?
  /// Only those that this queue gave up on.
  public var origin: QueueName?
  /// Only those of this name.
  public var name: MessageName?
  /// Only those parked for this kind of reason.
  public var reason: DeadLetterReason.Kind?
  /// Only those whose reason contains this text.
  public var text: String?
  /// Only those that were parked at this time or before.
  public var until: Date?

  /// A filter; by default it lets everything through.
  public init(
    ids: [MessageID] = [], queue: QueueName? = nil, origin: QueueName? = nil, name: MessageName? = nil,
    reason: DeadLetterReason.Kind? = nil, text: String? = nil, until: Date? = nil
  ) {
    self.ids = ids
    self.queue = queue
    self.origin = origin
    self.name = name
    self.reason = reason
    self.text = text
    self.until = until
  }

  /// Whether no condition is given.
  public var isEmpty: Bool { self == DeadLetterFilter() }

  /// What an engine is asked: one selection, or one for each id, repeated ids only once.
  public func selections(limit: Int) -> [DeadLetterSelection] {
    let all = DeadLetterSelection(
      queue: queue, origin: origin, name: name, reason: reason, text: text, until: until, limit: limit)
    if ids.isEmpty { return [all] }
    var seen: Set<MessageID> = []
    return ids.filter { seen.insert($0).inserted }.map { id in
      var one = all
      one.id = id
      return one
    }
  }
}
