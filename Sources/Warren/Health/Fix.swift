/// What to do about a finding: in words, and, where a program can offer it, as an action.
///
/// The text names no command and no button. A command line or a dashboard puts the ``action`` into its own words; for
/// ``Action/other`` the text is all there is. A string literal is such a fix:
///
/// ```swift
/// Finding(.warning, "the broker is in memory: all of it ends with the process", fix: "give it a path")
/// ```
public struct Fix: Sendable, Hashable, Codable, ExpressibleByStringInterpolation, CustomStringConvertible {
  /// The kinds of actions that a program can offer. A program that does not know one shows the text.
  public struct Action: RawRepresentable, Sendable, Hashable, Codable {
    /// The kind, as it is written in JSON.
    public let rawValue: String
    /// A kind.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// Resume the queue that was paused.
    public static let resumeQueue = Action(rawValue: "resume-queue")
    /// Look at the dead letters in the queue, then replay or delete them.
    public static let readDeadLetters = Action(rawValue: "read-dead-letters")
    /// Start a worker that consumes the queue.
    public static let startWorker = Action(rawValue: "start-worker")
    /// Apply the topology.
    public static let applyTopology = Action(rawValue: "apply-topology")
    /// Remove what the topology does not ask for any more; see ``RemovingBroker``.
    public static let pruneTopology = Action(rawValue: "prune-topology")
    /// Repair what the broker stores in; see ``RepairableBroker``.
    public static let repair = Action(rawValue: "repair")
    /// Close the circuit breaker of the dependency now; see ``Breakers``.
    public static let resetBreaker = Action(rawValue: "reset-breaker")
    /// Something that only the text says.
    public static let other = Action(rawValue: "other")
  }
  /// The kind of action.
  public var action: Action
  /// The queue to act on, if the action concerns one.
  public var queue: QueueName?
  /// The dependency whose breaker to act on, if the action concerns one.
  public var dependency: DependencyName?
  /// What to do, in words.
  public var text: String

  /// A fix.
  public init(_ action: Action, queue: QueueName? = nil, dependency: DependencyName? = nil, text: String) {
    self.action = action
    self.queue = queue
    self.dependency = dependency
    self.text = text
  }
  /// A fix that only the text describes.
  public init(stringLiteral text: String) { self.init(text) }
  /// A fix that only the text describes.
  public init(_ text: String) { self.init(.other, text: text) }

  /// Resume a queue that was paused.
  public static func resume(_ queue: QueueName) -> Fix {
    Fix(.resumeQueue, queue: queue, text: "resume the queue '\(queue)'")
  }
  /// Look at the dead letters in a queue, then replay or delete them.
  public static func readDeadLetters(in queue: QueueName) -> Fix {
    Fix(.readDeadLetters, queue: queue, text: "look at the dead letters in '\(queue)', then replay or delete them")
  }
  /// Start a worker that consumes a queue.
  public static func startWorker(_ queue: QueueName) -> Fix {
    Fix(.startWorker, queue: queue, text: "start a worker that consumes '\(queue)'")
  }
  /// Apply the topology.
  public static let applyTopology = Fix(.applyTopology, text: "apply the topology")

  /// Repair what the broker stores in; see ``RepairableBroker``.
  public static let repair = Fix(.repair, text: "repair the broker's store")

  /// The text.
  public var description: String { text }
}
