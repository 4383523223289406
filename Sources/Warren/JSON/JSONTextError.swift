/// Why a text is not JSON.
public struct JSONTextError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// The byte in the line, from 1.
  public var column: Int
  /// What is wrong there.
  public var problem: String
  /// `line 1, column 8: a value is missing`.
  public var description: String { "line \(line), column \(column): \(problem)" }
}
