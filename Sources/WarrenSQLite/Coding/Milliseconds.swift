internal import Foundation

/// Times are stored as whole milliseconds since 1970.
///
/// A `Date` is a binary fraction, which hits a millisecond only to within a quarter of a microsecond. So what lies less than
/// one microsecond before a millisecond counts as that millisecond.
extension Date {
  /// The millisecond that has begun.
  var milliseconds: Int64 { Self.clamped((timeIntervalSince1970 * 1000 + 0.001).rounded(.down)) }

  /// The next whole millisecond: what is due then never comes early.
  var millisecondsRoundedUp: Int64 {
    Self.clamped((timeIntervalSince1970 * 1000 - 0.001).rounded(.up))
  }

  /// When a clock shows this millisecond.
  static func whenIs(_ milliseconds: Int64) -> Date { Date(milliseconds: milliseconds) - 0.000_000_8 }

  init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }

  /// `Date.distantFuture` fits; what is beyond the year 9999 is as good as never.
  private static func clamped(_ value: Double) -> Int64 {
    if value.isNaN { return 0 }
    return Int64(min(max(value, -9.0e15), 9.0e15))
  }
}

extension Duration {
  /// Whole milliseconds, rounded up.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? Int64.max / 4 : product + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
