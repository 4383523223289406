public import Foundation

/// An engine that can tell what is in it.
public protocol InspectableBroker: Broker {
  /// All queues, by name.
  ///
  /// - Throws: ``BrokerError/Code/unsupported``, with the mend, when the engine cannot list them now.
  func queues() async throws(BrokerError) -> [QueueStatus]
  /// One queue; `nil` when there is none of this name.
  func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus?
  /// The workers that are connected, where the engine knows them.
  func workers() async throws(BrokerError) -> [WorkerStatus]
  /// What of this topology is missing or differs, each with the mend. Changes nothing. What is there beside it is no
  /// difference: a topology may be a part of the whole.
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference]
  /// What is declared. What Warren did not declare, or would declare in another way, is adopted in it.
  ///
  /// - Throws: ``BrokerError/Code/unsupported``, with the mend, when the engine cannot tell now.
  func topology() async throws(BrokerError) -> Topology
  /// What an operator should know or mend: each finding with the mend.
  func diagnose() async throws(BrokerError) -> [Finding]
}

extension InspectableBroker {
  /// One queue; `nil` when there is none of this name.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    try await queues().first { $0.name == name }
  }
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
  /// What is happening now.
  public var rates: Rates?

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

  /// Messages per second, over the last seconds.
  public struct Rates: Sendable, Equatable {
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

  /// A status; engines make them.
  public init(
    name: QueueName, ready: Int, delayed: Int?, running: Int, oldest: Date?, isPaused: Bool, holdsDeadLetters: Bool,
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
  /// The queue that it is about; `nil` when it is about more than one.
  public var queue: QueueName?
  /// What was found.
  public var text: String
  /// What to do about it.
  public var mend: String?

  /// A finding.
  public init(_ severity: Severity, queue: QueueName? = nil, _ text: String, mend: String? = nil) {
    self.severity = severity
    self.queue = queue
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
