public import Foundation

/// What a person, or a program for one, did to a broker.
public struct AuditEntry: Sendable, Hashable, Codable {
  /// Whether it was about to be done, or what became of it.
  public enum Stage: String, Sendable, Hashable, Codable {
    /// Written before it acts. Without an entry that follows, the process ended meanwhile, and how far it came is not known.
    case begins
    /// It was done.
    case done
    /// It was not done, or in part; the note says why.
    case failed
  }
  /// Its place in the log, from 1, given by the log; 0 before that.
  public var number: Int64 = 0
  /// When.
  public var time: Date
  /// Who: a person's name, as the program that acted knows it.
  public var actor: String
  /// What: `queue.pause`, `dead.replay`.
  public var action: String
  /// Whether it was about to be done.
  public var stage: Stage
  /// The queue that it was done to.
  public var queue: QueueName?
  /// The message that it was done to.
  public var message: MessageID?
  /// Which messages it was done to, as people write it.
  public var filter: String?
  /// To how many: at the beginning as many as were meant, at the end as many as it was done to.
  public var count: Int?
  /// The id of the bulk operation.
  public var operation: String?
  /// The particulars: an error, what was skipped.
  public var note: String?

  /// An entry.
  public init(
    time: Date, actor: String, action: String, stage: Stage, queue: QueueName? = nil, message: MessageID? = nil,
    filter: String? = nil, count: Int? = nil, operation: String? = nil, note: String? = nil
  ) {
    self.time = time
    self.actor = actor
    self.action = action
    self.stage = stage
    self.queue = queue
    self.message = message
    self.filter = filter
    self.count = count
    self.operation = operation
    self.note = note
  }
}

/// Where it is written who did what. An engine that can is one.
public protocol AuditLog: Sendable {
  /// Writes an entry. When this returns, it is on disk.
  func record(_ entry: AuditEntry) async throws(BrokerError)

  /// The entries after a number, the oldest first.
  func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry]

  /// The newest entries, the newest first.
  func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry]
}
