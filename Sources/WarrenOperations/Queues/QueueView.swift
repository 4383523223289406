public import Foundation
public import Warren

/// A queue as it is shown. A number that the engine cannot tell is missing.
public struct QueueView: Sendable, Equatable, Codable {
  /// What a queue is doing, in a word.
  public enum State: String, Sendable, Codable {
    /// Somebody works on it, or nothing waits.
    case active
    /// Nothing is handed out until somebody resumes it.
    case paused
    /// Messages wait, and nobody consumes.
    case unattended
    /// It holds dead letters, which wait for a person.
    case deadLetters = "dead-letters"
  }
  /// Its name.
  public var name: QueueName
  /// What it is doing.
  public var state: State
  /// Messages that wait for a worker; in a queue of dead letters, those.
  public var ready: Int
  /// Messages that wait for their time.
  public var delayed: Int?
  /// Messages that a worker holds.
  public var running: Int
  /// When the message that waits longest was published.
  public var oldest: Date?
  /// Consumers at the moment.
  public var consumers: Int
  /// Whether an operator has stopped it.
  public var isPaused: Bool
  /// Whether it holds dead letters.
  public var holdsDeadLetters: Bool
  /// Where its dead letters go.
  public var deadLetterQueue: QueueName?
  /// Messages that came in since it was declared, retries and replays not counted.
  public var published: Int?
  /// Messages that were completed.
  public var completed: Int?
  /// Attempts that failed and are tried again.
  public var retried: Int?
  /// Messages that gave up.
  public var deadLettered: Int?
  /// Messages per second that come in, retries and replays included.
  public var publishRate: Double?
  /// Messages per second that are handed out.
  public var deliveryRate: Double?
  /// Messages per second that are done with: completed, put off, retried or parked.
  public var settleRate: Double?

  /// A queue as the engine reports it.
  public init(_ status: QueueStatus) {
    name = status.name
    ready = status.ready
    delayed = status.delayed
    running = status.running
    oldest = status.oldest
    consumers = status.consumers
    isPaused = status.isPaused
    holdsDeadLetters = status.holdsDeadLetters
    deadLetterQueue = status.deadLetterQueue
    published = status.totals?.published
    completed = status.totals?.completed
    retried = status.totals?.retried
    deadLettered = status.totals?.deadLettered
    publishRate = status.rates?.published
    deliveryRate = status.rates?.delivered
    settleRate = status.rates?.settled
    state =
      if status.isPaused {
        .paused
      } else if status.holdsDeadLetters {
        .deadLetters
      } else if status.consumers == 0, status.ready > 0 {
        .unattended
      } else {
        .active
      }
  }
}
