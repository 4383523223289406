internal import Foundation

/// Keeps many steps to so many a second, on average since the first.
struct Pace {
  let rate: Double?
  private let start: Date
  private var count = 0

  init(rate: Double?, start: Date) {
    self.rate = rate
    self.start = start
  }

  /// How many the next step may take: about a fifth of a second's, so that progress is seen.
  func step(atMost batch: Int) -> Int {
    guard let rate else { return max(1, batch) }
    return max(1, min(batch, Int(min(rate / 5, 1e6))))
  }

  /// Notes a step. Returns when the next may begin; `nil`: at once.
  mutating func next(after step: Int) -> Date? {
    count += step
    return rate.map { start.addingTimeInterval(Double(count) / $0) }
  }
}
