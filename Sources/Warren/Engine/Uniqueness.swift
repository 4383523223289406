/// Keeps repeats of a job out by a key: while the queue has the job, and for a time after it was completed.
///
/// ```swift
/// try await bus.enqueue(SendEmail(to: address), unique: .key("reminder-\(id)", for: .seconds(86_400)), after: day)
/// ```
/// The queue has the job while it waits, is delayed, runs, or lies among the dead letters; a key belongs to one queue. When
/// a person deletes the job, the key is free at once.
///
/// Where the engine cannot do it (``BrokerCapabilities/uniqueness``), such as RabbitMQ, the ``EventBus`` and the ``Worker`` do by a store
/// that both are given; without one the job is refused with ``BrokerError/Code/unsupported``. Then the key holds for those who share the
/// store. Superseded copies stay in the queue until a worker comes to them, which completes them without their handler; so does the
/// retry of a job that a newer one has overtaken, and its dead letter when that is replayed. Deleting a job there frees no key.
///
/// An id (``Message/id``) is something else: it tells messages apart and keeps nothing out.
public struct Uniqueness: Sendable, Hashable {
  /// What becomes of a repeat.
  public struct Repeat: Sendable, Hashable {
    /// What an engine has to be able to do for it.
    public struct Kind: RawRepresentable, Sendable, Hashable, Codable {
      /// The word for it.
      public let rawValue: String
      /// Wraps the word as it is.
      public init(rawValue: String) { self.rawValue = rawValue }
      /// ``Uniqueness/Repeat/keep``.
      public static let keep = Kind(rawValue: "keep")
      /// ``Uniqueness/Repeat/replace``.
      public static let replace = Kind(rawValue: "replace")
      /// ``Uniqueness/Repeat/debounce(longest:)``.
      public static let debounce = Kind(rawValue: "debounce")
    }
    /// What an engine has to be able to do for it.
    public let kind: Kind
    /// How long repeats can put the job off; only of ``debounce(longest:)``.
    public let longestDelay: Duration?

    /// A way with repeats by its name: for those below there are shorter forms.
    public init(kind: Kind, longestDelay: Duration?) {
      self.kind = kind
      self.longestDelay = longestDelay
    }

    /// The job that is there stays as it is, and the repeat is not stored: its result is ``PublishResult/repeated``.
    public static let keep = Repeat(kind: .keep, longestDelay: nil)
    /// The repeat takes the place of the job that still waits, for its time, a retry or a worker. One that a worker has, or that is a
    /// dead letter, stays, and the repeat is stored beside it.
    public static let replace = Repeat(kind: .replace, longestDelay: nil)
    /// As ``replace``, and the delay begins again with each repeat, up to `longest` after the first: what waits is done once, with the
    /// last content.
    public static func debounce(longest: Duration) -> Repeat { Repeat(kind: .debounce, longestDelay: longest) }
  }
  /// What makes two jobs of a queue the same job: 1 to 255 bytes.
  public var key: String
  /// For how long after it was completed the job keeps repeats out.
  public var window: Duration
  /// What becomes of a repeat.
  public var onRepeat: Repeat

  /// Keeps repeats with this key out, for a day after the job was completed unless `window` is given.
  public static func key(
    _ key: String, for window: Duration = .seconds(86_400), onRepeat: Repeat = .keep
  ) -> Uniqueness {
    Uniqueness(key: key, window: window, onRepeat: onRepeat)
  }

  /// Throws ``BrokerError/Code/invalid`` for what no engine can do, and ``BrokerError/Code/unsupported`` unless an engine
  /// that can do `kinds` can do it.
  func validate(_ kinds: Set<Repeat.Kind>) throws(BrokerError) {
    if key.isEmpty || key.utf8.count > 255 {
      throw BrokerError(.invalid, "the key of a unique job must have 1 to 255 bytes, not \(key.utf8.count)")
    }
    if window < .zero { throw BrokerError(.invalid, "the window of the unique job '\(key)' is negative") }
    if onRepeat.kind == .debounce, onRepeat.longestDelay ?? .zero <= .zero {
      throw BrokerError(
        .invalid, "the longest delay of the unique job '\(key)' must be above zero: repeats could put it off for ever")
    }
    if !kinds.contains(onRepeat.kind) {
      throw BrokerError(
        .unsupported,
        "this engine cannot keep repeats of a job out (unique, \(onRepeat.kind.rawValue)), and nothing was stored: give `store:` to "
          + "the bus and to its workers, or let the handler keep repeats out by an inbox")
    }
  }
}
