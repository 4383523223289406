package import Foundation

/// Times that are stored are whole milliseconds since 1970.
///
/// A `Date` is a binary fraction, which meets a millisecond only to within a quarter of a microsecond. So what lies less
/// than one microsecond before a millisecond counts as that millisecond.
extension Date {
  /// The millisecond that has begun.
  package var wholeMilliseconds: Int64 { Self.clamped((timeIntervalSince1970 * 1000 + 0.001).rounded(.down)) }

  /// The next whole millisecond: what is due then never comes early.
  package var wholeMillisecondsRoundedUp: Int64 { Self.clamped((timeIntervalSince1970 * 1000 - 0.001).rounded(.up)) }

  /// In ISO 8601 with milliseconds, such as `2026-11-26T02:00:00.125Z`; read again it is the same millisecond. Foundation's own style
  /// cuts off what is less than one, and half of all milliseconds are stored as a little less than they are.
  package var textWithMilliseconds: String { JSON.textWithMilliseconds(self) }

  /// The time at which this millisecond begins.
  package init(wholeMilliseconds: Int64) { self.init(timeIntervalSince1970: Double(wholeMilliseconds) / 1000) }

  /// `Date.distantFuture` fits; what is beyond the year 9999 is as good as never.
  private static func clamped(_ value: Double) -> Int64 {
    value.isNaN ? 0 : Int64(min(max(value, -9.0e15), 9.0e15))
  }
}

extension Duration {
  /// Whole milliseconds, rounded up; what is beyond all reason is as good as for ever.
  package var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    if seconds.magnitude > 9_000_000_000_000 { return seconds > 0 ? 9_000_000_000_000_000 : -9_000_000_000_000_000 }
    return seconds * 1000 + Int64((Double(attoseconds) / 1e15).rounded(.up))
  }
}
