/// Why a text is not a filter.
public struct FilterError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The character at which it is wrong, from 1.
  public var column: Int
  /// What is wrong there, and what may stand there.
  public var problem: String
  /// `column 7: a value is missing after 'name:'`.
  public var description: String { "column \(column): \(problem)" }
}
