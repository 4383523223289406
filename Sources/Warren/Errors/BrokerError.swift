/// What went wrong between Warren and an engine, and what to do next. It never shows a body or a password.
public struct BrokerError: Error, Sendable, CustomStringConvertible {
  /// The kinds of errors, to tell them apart in code.
  public enum Code: String, Sendable, CaseIterable {
    /// The caller asked for something that cannot be: a name too long, a prefetch of 0. Nothing was done.
    case invalid
    /// The message is larger than the engine takes. Nothing was stored.
    case tooLarge = "too-large"
    /// A job's queue does not exist, so the job was stored nowhere.
    case unroutable
    /// The queue, exchange or message does not exist.
    case notFound = "not-found"
    /// Something is declared already, and differently.
    case topologyConflict = "topology-conflict"
    /// The broker is not running: start its `run()`, or use `withBroker`.
    case notRunning = "not-running"
    /// The broker was stopped.
    case stopped
    /// It did not happen before the deadline and will not happen.
    case deadline
    /// Whether it happened is unknown: do it again with the same id.
    case unknownOutcome = "unknown-outcome"
    /// The engine cannot be reached now, or has refused for now. Nothing was stored.
    case unavailable
    /// No room is left where the engine stores. Nothing was stored.
    case full
    /// What the engine stores in may not be written.
    case readOnly = "read-only"
    /// What the engine stores in is damaged, or not Warren's.
    case corrupt
    /// What the engine stores in was written by a newer Warren.
    case newerVersion = "newer-version"
    /// This engine cannot do it.
    case unsupported
  }
  /// Which kind.
  public var code: Code
  /// What is wrong and what to do next.
  public var message: String
  /// The error beneath.
  public var underlying: (any Error)?
  /// The messages that it is about, when ``EventBus`` throws it: after ``Code/unknownOutcome`` publish them again with
  /// these ids.
  public var messageIDs: [MessageID]

  /// An error.
  public init(_ code: Code, _ message: String, underlying: (any Error)? = nil, messageIDs: [MessageID] = []) {
    self.code = code
    self.message = message
    self.underlying = underlying
    self.messageIDs = messageIDs
  }

  /// The same error, about these messages unless it names some already.
  package func about(_ ids: [MessageID]) -> BrokerError {
    var error = self
    if error.messageIDs.isEmpty { error.messageIDs = ids }
    return error
  }

  /// Whether the same call can succeed later without a change by a person.
  public var isRetryable: Bool {
    switch code {
    case .deadline, .unknownOutcome, .unavailable, .full, .notRunning: true
    default: false
    }
  }
  /// The message.
  public var description: String { message }
}
