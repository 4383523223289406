package import Foundation

extension Duration {
  /// Seconds, fractions included.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

  /// The longest duration that is calculated with: ten thousand years. What exceeds it is taken for it, since times come
  /// from callers, from policies and, as `Retry-After`, from strangers.
  package static let longest: Duration = .seconds(Int64(10_000 * 366) * 86_400)

  /// So many seconds, at most ``longest``, longer or shorter than nothing.
  package static func clamped(seconds: Double) -> Duration {
    if seconds.isNaN { return .zero }
    let whole = seconds.rounded(.down)
    guard abs(whole) < longest.seconds else { return seconds > 0 ? longest : .zero - longest }
    return .seconds(Int64(whole)) + .nanoseconds(Int64(((seconds - whole) * 1e9).rounded()))
  }

  /// The duration itself, at most ``longest``, so that it can be added to another.
  package var bounded: Duration { max(.zero - Self.longest, min(self, Self.longest)) }

  /// So many times as long, at most ``longest``.
  package func times(_ factor: Double) -> Duration { .clamped(seconds: seconds * factor) }

  /// For a person, in the two largest units that it has: `250 ms`, `4 s`, `3 min 12 s`, `5 h 20 min`, `12 d 4 h`.
  package var words: String {
    if self < .zero { return "-" + Duration.clamped(seconds: -seconds).words }
    if self < .seconds(1) { return "\(Int((seconds * 1000).rounded())) ms" }
    var left = components.seconds
    var parts: [String] = []
    for (size, unit) in [(Int64(86_400), "d"), (3600, "h"), (60, "min"), (1, "s")] where left >= size || !parts.isEmpty
    {
      parts.append("\(left / size) \(unit)")
      left %= size
    }
    return parts.prefix(2).filter { !$0.hasPrefix("0 ") }.joined(separator: " ")
  }
}

extension Date {
  /// The time so much later or earlier, between the years 1 and 9999, which every format can write.
  package func adding(_ duration: Duration) -> Date { addingTimeInterval(duration.seconds).clamped }

  /// The time itself, or the nearest between the years 1 and 9999.
  package var clamped: Date {
    if self >= Self.first, self <= Self.last { return self }
    return self > Self.last ? Self.last : Self.first
  }
  private static let first = Date(timeIntervalSince1970: -62_135_596_800)
  private static let last = Date(timeIntervalSince1970: 253_402_300_799)
}
