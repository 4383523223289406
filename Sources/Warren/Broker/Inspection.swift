public import Foundation

/// An engine that can tell what is in it.
public protocol InspectableBroker: Broker {
  /// All queues, by name.
  func queues() async throws(BrokerError) -> [QueueStatus]
  /// The workers that are connected, where the engine knows them.
  func workers() async throws(BrokerError) -> [WorkerStatus]
  /// What of this topology is missing or differs. Changes nothing.
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference]
  /// What an operator should know or mend: each finding with the mend.
  func diagnose() async throws(BrokerError) -> [Finding]
}

/// What is in a queue. A number that the engine cannot tell is `nil`.
public struct QueueStatus: Sendable, Equatable {
  /// The queue.
  public var name: QueueName
  /// Messages that wait for a worker.
  public var ready: Int
  /// Messages that wait for their time: delayed, or between two attempts.
  public var delayed: Int?
  /// Messages that a worker holds.
  public var running: Int
  /// When the message that waits longest was published.
  public var oldest: Date?
  /// Whether nothing is handed out.
  public var isPaused: Bool
  /// Whether it holds dead letters.
  public var holdsDeadLetters: Bool
  /// Where its dead letters go.
  public var deadLetterQueue: QueueName?
  /// Consumers at the moment.
  public var consumers: Int
  /// What has happened since the queue was declared.
  public var totals: Totals?

  /// Counts since a queue was declared.
  public struct Totals: Sendable, Equatable {
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

  /// A status; engines make them.
  public init(
    name: QueueName, ready: Int, delayed: Int?, running: Int, oldest: Date?, isPaused: Bool, holdsDeadLetters: Bool,
    deadLetterQueue: QueueName?, consumers: Int, totals: Totals?
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
  }
}

/// A process that takes or may take deliveries.
public struct WorkerStatus: Sendable, Equatable {
  /// What it calls itself: host, process id and program.
  public var name: String
  /// When it came.
  public var since: Date
  /// What it consumes.
  public var queues: [QueueName]
  /// How many deliveries it holds.
  public var running: Int

  /// A status; engines make them.
  public init(name: String, since: Date, queues: [QueueName], running: Int) {
    self.name = name
    self.since = since
    self.queues = queues
    self.running = running
  }
}

/// Something that an operator should know or mend.
public struct Finding: Sendable, Equatable {
  /// How bad it is.
  public enum Severity: String, Sendable, CaseIterable {
    /// As it should be.
    case fine
    /// Works, but will hurt.
    case warning
    /// Does not work.
    case problem
  }
  /// How bad it is.
  public var severity: Severity
  /// What was found.
  public var text: String
  /// What to do about it.
  public var mend: String?

  /// A finding.
  public init(_ severity: Severity, _ text: String, mend: String? = nil) {
    self.severity = severity
    self.text = text
    self.mend = mend
  }
}

/// An engine whose queues can be stopped and emptied by an operator.
public protocol OperableBroker: Broker {
  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``. What is out is settled as usual.
  func pause(_ queue: QueueName) async throws(BrokerError)
  /// Undoes ``pause(_:)``.
  func resume(_ queue: QueueName) async throws(BrokerError)
  /// Deletes what waits in this queue, the delayed messages too where the engine can reach them (on RabbitMQ it cannot);
  /// what a worker holds stays. Returns how many went.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int
}
