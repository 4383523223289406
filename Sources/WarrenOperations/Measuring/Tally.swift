internal import Warren

/// Counts which messages have come, and knows when the samples did.
actor Tally {
  private var counts: [UInt8]
  private(set) var published = 0
  private(set) var handled = 0
  private(set) var repeated = 0
  /// From here on a message is a sample, whose time is kept.
  private let firstSample: Int
  private var times: [Int: ContinuousClock.Instant] = [:]
  private var waiting: [Int: CheckedContinuation<ContinuousClock.Instant?, Never>] = [:]
  private var isGivenUp = false

  init(messages: Int, samples: Int) {
    counts = Array(repeating: 0, count: messages + samples)
    firstSample = messages
  }

  /// So many more were stored.
  func store(_ count: Int) { published += count }

  /// A message has come.
  func note(_ number: Int, at time: ContinuousClock.Instant) {
    guard counts.indices.contains(number) else { return }
    if counts[number] > 0 { repeated += 1 } else { handled += 1 }
    counts[number] = min(counts[number], 254) + 1
    guard number >= firstSample, times[number] == nil else { return }
    times[number] = time
    waiting.removeValue(forKey: number)?.resume(returning: time)
  }

  /// When this sample came; `nil` when it is given up.
  func time(of number: Int) async -> ContinuousClock.Instant? {
    if let time = times[number] { return time }
    if isGivenUp { return nil }
    return await withCheckedContinuation { waiting[number] = $0 }
  }

  /// Nothing is waited for any more.
  func giveUp() {
    isGivenUp = true
    for continuation in waiting.values { continuation.resume(returning: nil) }
    waiting = [:]
  }
}

/// Hands out numbers, some at a time.
actor Numbers {
  private var next = 0
  private let end: Int

  init(to end: Int) { self.end = end }

  func take(_ count: Int) -> Range<Int>? {
    guard next < end else { return nil }
    let taken = next..<min(next + count, end)
    next = taken.upperBound
    return taken
  }
}
