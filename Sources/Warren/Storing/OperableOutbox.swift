public import Foundation

/// What waits in an outbox.
public struct OutboxStatus: Sendable, Equatable, Codable {
  /// How many messages wait to be published.
  public var waiting: Int
  /// How many of them were tried and failed.
  public var failing: Int
  /// How long the oldest waits.
  public var lag: Duration
  /// What the oldest failing message failed with.
  public var error: String?
  /// Whether a relay works, in this process or another.
  public var isRelayed: Bool

  /// A status.
  public init(waiting: Int, failing: Int, lag: Duration, error: String? = nil, isRelayed: Bool) {
    self.waiting = waiting
    self.failing = failing
    self.lag = lag
    self.error = error
    self.isRelayed = isRelayed
  }
}

/// A message in an outbox that could not be published.
public struct FailingPublication: Sendable, Equatable, Codable {
  /// The id of the message.
  public var id: MessageID
  /// What it is.
  public var name: MessageName?
  /// Where it is to go: the name of an exchange or a queue.
  public var destination: String
  /// When it was written into the outbox.
  public var stored: Date
  /// How often it was tried.
  public var attempts: Int
  /// When it is tried again.
  public var nextTry: Date
  /// What it failed with at last.
  public var error: String

  /// A message that could not be published.
  public init(
    id: MessageID, name: MessageName?, destination: String, stored: Date, attempts: Int, nextTry: Date, error: String
  ) {
    self.id = id
    self.name = name
    self.destination = destination
    self.stored = stored
    self.attempts = attempts
    self.nextTry = nextTry
    self.error = error
  }
}

/// A message that waits in an outbox, whether or not it was tried already.
public struct WaitingPublication: Sendable, Equatable, Codable {
  /// The id of the message.
  public var id: MessageID
  /// What it is.
  public var name: MessageName?
  /// Where it is to go: the name of an exchange or a queue.
  public var destination: String
  /// When it was written into the outbox.
  public var stored: Date
  /// How often it was tried.
  public var attempts: Int
  /// When it is tried again; `nil` when it was not tried yet.
  public var nextTry: Date?
  /// What it failed with at last.
  public var error: String?

  /// A message that waits.
  public init(
    id: MessageID, name: MessageName?, destination: String, stored: Date, attempts: Int = 0, nextTry: Date? = nil,
    error: String? = nil
  ) {
    self.id = id
    self.name = name
    self.destination = destination
    self.stored = stored
    self.attempts = attempts
    self.nextTry = nextTry
    self.error = error
  }
}

/// An outbox that an operator can look into and put right.
public protocol OperableOutbox: Sendable {
  /// What waits.
  func status() async throws -> OutboxStatus
  /// What an operator should know or correct: that messages wait for longer than `patience`, that none is relayed, and which
  /// cannot be published.
  func findings(patience: Duration) async throws -> [Finding]
  /// The messages that wait, the oldest first, at most so many.
  func waiting(limit: Int) async throws -> [WaitingPublication]
  /// The messages that could not be published, the oldest first, at most so many.
  func failing(limit: Int) async throws -> [FailingPublication]
  /// Publishes what has failed again at once, such as after its cause was corrected.
  func retryNow() async throws
  /// Deletes a message that can never be published. Returns whether it was there.
  @discardableResult func discard(_ id: MessageID) async throws -> Bool
}
