public import Foundation

/// Something that is done to many dead letters, kept by the engine: when the process that does it dies, another goes on where it
/// was, and nothing is counted twice.
public struct BulkOperation: Sendable, Hashable, Codable {
  /// What is done.
  public enum Action: String, Sendable, Hashable, Codable {
    /// They go back to the queues that gave up on them.
    case replay
    /// They are deleted for good.
    case delete
  }
  /// How far it is.
  public enum State: String, Sendable, Hashable, Codable {
    /// Not at its end. Whether a process is at it now, ``BulkOperation/updated`` tells.
    case running
    /// All that was selected is dealt with.
    case done
    /// A person has ended it before that.
    case cancelled
  }
  /// Who goes on with it when its process has died.
  public enum Succession: String, Sendable, Hashable, Codable {
    /// A person who resumes it.
    case byHand = "by-hand"
    /// The next service that finds it broken off, such as a dashboard.
    case automatic
  }
  /// How many were left out, and why.
  public struct Skipped: Sendable, Hashable, Codable {
    /// The queue that gave up on them is gone; they stay where they are.
    public var unreachable = 0
    /// A worker held them at that moment; they stay where they are.
    public var held = 0
    /// They were replayed, edited or deleted by others meanwhile.
    public var gone = 0
    /// All together.
    public var total: Int { unreachable + held + gone }
    /// None.
    public init() {}
  }

  /// Its id.
  public var id: String
  /// What is done.
  public var action: Action
  /// To which. It holds what was there at the beginning: what is parked later is left alone.
  public var selection: DeadLetterSelection
  /// The same, as people write it.
  public var filter: String
  /// Who has begun it.
  public var actor: String
  /// The process that does it, or did at last.
  public var runner: String
  /// When it was begun.
  public var started: Date
  /// When something was done last, or another process took it over.
  public var updated: Date
  /// How many were selected at the beginning.
  public var total: Int
  /// To how many it was done.
  public var done = 0
  /// How many were left out.
  public var skipped = Skipped()
  /// How far it is.
  public var state = State.running
  /// At most so many a second; `nil`: as fast as it goes.
  public var rate: Double?

  /// Who goes on with it when its process has died; `nil`, as of an earlier version: a person.
  public var succession: Succession?

  /// How many are left.
  public var left: Int { max(0, total - done - skipped.total) }

  /// An operation that is about to begin.
  public init(
    id: String, action: Action, selection: DeadLetterSelection, filter: String, actor: String, runner: String,
    started: Date, total: Int, rate: Double? = nil, succession: Succession? = nil
  ) {
    self.id = id
    self.action = action
    self.selection = selection
    self.filter = filter
    self.actor = actor
    self.runner = runner
    self.started = started
    self.updated = started
    self.total = total
    self.rate = rate
    self.succession = succession
  }

  /// Whether no process seems to be at it: it is not at its end, and its last step is half a minute ago, or three times as long as
  /// its rate leaves between two.
  public func isBrokenOff(at now: Date) -> Bool {
    let patience = max(30, rate.map { 3 / $0 } ?? 0)
    return state == .running && now.timeIntervalSince(updated) > patience
  }
}

/// An engine that keeps bulk operations, and does each step of one together with noting it.
public protocol BulkOperatingBroker: DeadLetterBroker {
  /// Keeps a new operation. What comes in from now on is left alone.
  func keep(_ operation: BulkOperation) async throws(BrokerError)

  /// Does the next step of an operation and notes it, both or neither. One that is not running any more stays as it is.
  ///
  /// - Parameters:
  ///   - runner: who does it. When another has taken the operation over, nothing is done.
  ///   - limit: at most so many dead letters.
  /// - Returns: the operation after the step.
  /// - Throws: ``BrokerError/Code/notFound`` when there is no such operation, ``BrokerError/Code/unavailable`` when another
  ///   runner has taken it over.
  func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation

  /// Makes a process the one that does an operation, from now on: another that is at it stops before its next step.
  func takeOver(_ id: String, runner: String) async throws(BrokerError) -> BulkOperation

  /// Ends an operation before its next step. What is done stays done.
  func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation

  /// All operations, the newest first; at most so many.
  func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation]

  /// One operation; `nil` when there is none with this id.
  func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation?
}
