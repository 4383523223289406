/// What went wrong between Warren and an engine, and what to do next. It never shows a body or a password.
public struct BrokerError: Error, Sendable, CustomStringConvertible {
  /// The kinds of errors, to tell them apart in code. More may come: a `switch` over them needs a `default`.
  public struct Code: RawRepresentable, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// The text.
    public let rawValue: String
    /// A kind by its text, also one that this version does not know.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The text.
    public var description: String { rawValue }

    /// The caller asked for something that cannot be: a name too long, a prefetch of 0. Nothing was done.
    public static let invalid = Code(rawValue: "invalid")
    /// The message is larger than the engine takes. Nothing was stored.
    public static let tooLarge = Code(rawValue: "too-large")
    /// A job's queue does not exist, so the job was stored nowhere.
    public static let unroutable = Code(rawValue: "unroutable")
    /// The queue, exchange or message does not exist.
    public static let notFound = Code(rawValue: "not-found")
    /// It is in several queues, and the caller did not say which one is meant. Nothing was done.
    public static let ambiguous = Code(rawValue: "ambiguous")
    /// Something is declared already, and differently.
    public static let topologyConflict = Code(rawValue: "topology-conflict")
    /// The queue has consumers, holds messages or is needed by another, so it was not deleted.
    public static let inUse = Code(rawValue: "in-use")
    /// The broker is not running: start its `run()`, or use `withBroker`.
    public static let notRunning = Code(rawValue: "not-running")
    /// The broker was stopped.
    public static let stopped = Code(rawValue: "stopped")
    /// It did not happen before the deadline and will not happen.
    public static let deadline = Code(rawValue: "deadline")
    /// Whether it happened is unknown: do it again with the same id.
    public static let unknownOutcome = Code(rawValue: "unknown-outcome")
    /// The engine cannot be reached now, or has refused for now. Nothing was stored.
    public static let unavailable = Code(rawValue: "unavailable")
    /// No room is left where the engine stores. Nothing was stored.
    public static let full = Code(rawValue: "full")
    /// What the engine stores in may not be written.
    public static let readOnly = Code(rawValue: "read-only")
    /// What the engine stores in is damaged, or not Warren's.
    public static let corrupt = Code(rawValue: "corrupt")
    /// What the engine stores in was written by a newer Warren.
    public static let newerVersion = Code(rawValue: "newer-version")
    /// What the engine stores in was written by an older Warren.
    public static let olderVersion = Code(rawValue: "older-version")
    /// This engine cannot do it.
    public static let unsupported = Code(rawValue: "unsupported")
    /// Those that this version knows.
    public static let allCases: [Code] = [
      .invalid, .tooLarge, .unroutable, .notFound, .ambiguous, .topologyConflict, .inUse, .notRunning, .stopped,
      .deadline,
      .unknownOutcome,
      .unavailable, .full, .readOnly, .corrupt, .newerVersion, .olderVersion,
      .unsupported,
    ]
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
