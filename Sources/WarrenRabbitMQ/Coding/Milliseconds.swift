internal import Foundation

// Times travel as whole milliseconds. They come from anywhere: a delay that another service asked for, a header of a
// foreign message. So nothing here traps; what is beyond a calendar is its end, 275,760 years from now.
extension Date {
  private static let bound: Int64 = 8_640_000_000_000_000

  init(milliseconds: Int64) {
    self.init(timeIntervalSince1970: Double(min(max(milliseconds, -Self.bound), Self.bound)) / 1000)
  }

  /// AMQP counts seconds; some clients send milliseconds.
  init(amqp timestamp: UInt64) {
    let number = Double(timestamp)
    let seconds = number > 100_000_000_000 ? number / 1000 : number
    self.init(timeIntervalSince1970: min(seconds, Double(Self.bound / 1000)))
  }

  /// The nearest millisecond.
  var milliseconds: Int64 { Int64(clamping: timeIntervalSince1970 * 1000, .toNearestOrAwayFromZero) }

  /// The next millisecond: what is due then never comes early.
  var millisecondsRoundedUp: Int64 { Int64(clamping: timeIntervalSince1970 * 1000, .up) }
}

extension Int64 {
  /// A number of milliseconds; what is no number counts as none.
  fileprivate init(clamping milliseconds: Double, _ rule: FloatingPointRoundingRule) {
    let bound = 8.64e15
    self = milliseconds.isNaN ? 0 : Int64(Swift.min(Swift.max(milliseconds, -bound), bound).rounded(rule))
  }
}

extension Duration {
  /// Whole milliseconds, rounded up.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    if overflow { return seconds < 0 ? .min : .max }
    let (rest, isWhole) = attoseconds.quotientAndRemainder(dividingBy: 1_000_000_000_000_000)
    let (sum, overflows) = product.addingReportingOverflow(rest + (isWhole > 0 ? 1 : 0))
    return overflows ? (seconds < 0 ? .min : .max) : sum
  }
}
