public import Foundation

/// What is in a queue. A number that the engine cannot tell is `nil`.
public struct QueueStatus: Sendable, Hashable, Codable {
  /// What a queue is doing, in a word.
  public enum State: String, Sendable, Codable {
    /// Workers consume it, or nothing waits.
    case active
    /// Nothing is handed out until an operator resumes it.
    case paused
    /// Messages wait, and no worker consumes.
    case unattended
    /// It holds dead letters, which wait for a person.
    case deadLetters = "dead-letters"
    /// Another queue's dead letters may lie in it, and no worker consumes it; see ``QueueStatus/mayHoldDeadLetters``.
    case mayHoldDeadLetters = "may-hold-dead-letters"
  }
  /// The queue.
  public var name: QueueName
  /// Messages that wait for a worker.
  public var ready: Int
  /// Messages that wait for their time: delayed, or between two attempts.
  public var delayed: Int?
  /// Messages that a worker holds.
  public var running: Int?
  /// When the message that waits longest was published.
  public var oldest: Date?
  /// Whether nothing is handed out.
  public var isPaused: Bool
  /// Whether it holds dead letters.
  public var holdsDeadLetters: Bool
  /// Whether it may hold dead letters, as far as the engine can tell: another system declared it, and what a queue gives up, or what
  /// waits out a delay there, goes to it. It is looked through, replayed from and deleted from only when it is named.
  public var mayHoldDeadLetters = false
  /// Where its dead letters go.
  public var deadLetterQueue: QueueName?
  /// Consumers at the moment.
  public var consumers: Int
  /// What has happened since the queue was declared.
  public var totals: Totals?
  /// What is happening now.
  public var rates: Rates?

  /// Counts since a queue was declared.
  public struct Totals: Sendable, Hashable, Codable {
    /// Messages that came in, retries and replays not counted.
    public var published: Int
    /// Messages that were completed.
    public var completed: Int
    /// Attempts that failed and are tried again.
    public var retried: Int
    /// Messages that gave up.
    public var deadLettered: Int
    /// Counts.
    public init(published: Int, completed: Int, retried: Int, deadLettered: Int) {
      self.published = published
      self.completed = completed
      self.retried = retried
      self.deadLettered = deadLettered
    }
  }

  /// Messages per second, over the last seconds.
  public struct Rates: Sendable, Hashable, Codable {
    /// That come in, retries and replays included.
    public var published: Double
    /// That are handed out.
    public var delivered: Double
    /// That are done with: completed, put off, retried or parked.
    public var settled: Double
    /// Rates.
    public init(published: Double, delivered: Double, settled: Double) {
      self.published = published
      self.delivered = delivered
      self.settled = settled
    }
  }

  /// What the queue is doing, in a word.
  public var state: State {
    if isPaused { return .paused }
    if holdsDeadLetters { return .deadLetters }
    if consumers > 0 || ready == 0 { return .active }
    return mayHoldDeadLetters ? .mayHoldDeadLetters : .unattended
  }

  private enum ShownKeys: String, CodingKey {
    case state
  }

  /// Encodes ``state`` as well, for those who read JSON; it is not decoded. What the engine cannot tell is `null`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(ready, forKey: .ready)
    try container.encode(delayed, forKey: .delayed)
    try container.encode(running, forKey: .running)
    try container.encode(oldest, forKey: .oldest)
    try container.encode(isPaused, forKey: .isPaused)
    try container.encode(holdsDeadLetters, forKey: .holdsDeadLetters)
    try container.encode(mayHoldDeadLetters, forKey: .mayHoldDeadLetters)
    try container.encode(deadLetterQueue, forKey: .deadLetterQueue)
    try container.encode(consumers, forKey: .consumers)
    try container.encode(totals, forKey: .totals)
    try container.encode(rates, forKey: .rates)
    var shown = encoder.container(keyedBy: ShownKeys.self)
    try shown.encode(state, forKey: .state)
  }

  /// A status; engines make them.
  public init(
    name: QueueName, ready: Int, delayed: Int?, running: Int?, oldest: Date?, isPaused: Bool, holdsDeadLetters: Bool,
    deadLetterQueue: QueueName?, consumers: Int, totals: Totals?, rates: Rates? = nil
  ) {
    self.name = name
    self.ready = ready
    self.delayed = delayed
    self.running = running
    self.oldest = oldest
    self.isPaused = isPaused
    self.holdsDeadLetters = holdsDeadLetters
    self.deadLetterQueue = deadLetterQueue
    self.consumers = consumers
    self.totals = totals
    self.rates = rates
  }
}
