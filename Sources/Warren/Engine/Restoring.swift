public import Foundation

/// A dead letter that was deleted and can be put back.
public struct DeletedDeadLetter: Sendable, Equatable, Codable {
  /// For how long one can be put back, and how many at most, unless an engine has other limits.
  package static let lifetime: Duration = .seconds(86_400)
  package static let limit = 10_000

  /// Its address, by which it is put back: that of the dead letter.
  public var address: MessageID
  /// The message's id.
  public var id: MessageID?
  /// What the message is.
  public var name: MessageName?
  /// Where it lay.
  public var queue: QueueName
  /// The queue that gave up on it.
  public var origin: QueueName
  /// Why.
  public var reason: DeadLetterReason.Kind
  /// When it was deleted.
  public var time: Date

  /// A deleted dead letter.
  public init(
    address: MessageID, id: MessageID?, name: MessageName?, queue: QueueName, origin: QueueName,
    reason: DeadLetterReason.Kind, time: Date
  ) {
    self.address = address
    self.id = id
    self.name = name
    self.queue = queue
    self.origin = origin
    self.reason = reason
    self.time = time
  }
}

/// An engine that keeps deleted dead letters for a while, so that deleting can be undone.
public protocol RestoringBroker: DeadLetterBroker {
  /// For how long a deleted dead letter can be put back.
  var deletedLifetime: Duration { get }

  /// How many can be put back at most; of more, the newest.
  var deletedLimit: Int { get }

  /// The dead letters that can be put back, those deleted last first.
  func deletedDeadLetters(limit: Int) async throws(BrokerError) -> [DeletedDeadLetter]

  /// Puts deleted dead letters back to where they lay, as they were. One whose queue is gone stays deleted, and so does a unique
  /// job that its queue has again.
  ///
  /// - Parameter ids: their ids or addresses. Of several that were deleted with one id all are put back.
  /// - Returns: the addresses of those that are back.
  func restoreDeadLetters(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID]
}

extension RestoringBroker {
  /// A day.
  public var deletedLifetime: Duration { DeletedDeadLetter.lifetime }
  /// 10,000.
  public var deletedLimit: Int { DeletedDeadLetter.limit }
}
