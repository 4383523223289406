/// Something that an operator should know or fix.
public struct Finding: Sendable, Hashable, Codable {
  /// How bad it is.
  public enum Severity: String, Sendable, Codable, Comparable, CaseIterable {
    /// As it should be.
    case fine
    /// Works, but will hurt.
    case warning
    /// Does not work.
    case problem

    /// The better is the lesser.
    public static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }
  /// How bad it is.
  public var severity: Severity
  /// The queue that it is about; `nil` when it is about more than one.
  public var queue: QueueName?
  /// What was found.
  public var text: String
  /// What to do about it.
  public var fix: Fix?

  /// A finding.
  public init(_ severity: Severity, queue: QueueName? = nil, _ text: String, fix: Fix? = nil) {
    self.severity = severity
    self.queue = queue
    self.text = text
    self.fix = fix
  }
}
