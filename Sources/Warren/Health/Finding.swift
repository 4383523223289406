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
