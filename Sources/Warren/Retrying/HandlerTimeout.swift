/// A handler took longer than its timeout. A ``RetryPolicy`` can have a rule for it.
public struct HandlerTimeout: Error, Sendable, Equatable, CustomStringConvertible {
  /// How long it was allowed to take.
  public var limit: Duration
  /// A handler took longer than this.
  public init(limit: Duration) { self.limit = limit }
  /// `the handler took longer than 30 s`.
  public var description: String { "the handler took longer than \(limit.words)" }
}
