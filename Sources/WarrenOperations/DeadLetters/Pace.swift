internal import Warren

/// Keeps many steps to so many a second, on average since the first.
struct Pace {
  let rate: Double?
  /// By the time that has passed.
  private let start: Duration
  private var count = 0

  init(rate: Double?, start: Duration) {
    self.rate = rate
    self.start = start
  }

  /// How many the next step may take: about a fifth of a second's, so that progress is seen.
  func step(atMost batch: Int) -> Int {
    guard let rate else { return max(1, batch) }
    return max(1, min(batch, Int(min(rate / 5, 1e6))))
  }

  /// Notes a step. Returns how long the next has to wait; `nil`: not at all.
  mutating func pause(after step: Int, now: Duration) -> Duration? {
    count += step
    return rate.map { start + .clamped(seconds: Double(count) / $0) - now }
  }
}
