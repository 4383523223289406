internal import WarrenOperations

extension Hindrance {
  /// The reason, with the command that ends it.
  var line: String { fix.map { "\(text): \($0.withCommand)" } ?? text }
}
