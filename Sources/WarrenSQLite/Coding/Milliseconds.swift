internal import Foundation
internal import Warren

extension Date {
  /// When a clock shows this millisecond.
  static func whenIs(_ milliseconds: Int64) -> Date { Date(wholeMilliseconds: milliseconds) - 0.000_000_8 }
}
