/// Why a process cannot start, and what to do about it: printed as it is.
public struct StartError: Error, CustomStringConvertible {
  /// What is wrong and what to do next.
  public var description: String

  /// An error.
  public init(_ description: String) { self.description = description }
}
