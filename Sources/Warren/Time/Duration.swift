extension Duration {
  /// Seconds, fractions included.
  package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

  /// For a person, in the two largest units that it has: `250 ms`, `4 s`, `3 min 12 s`, `5 h 20 min`, `12 d 4 h`.
  package var words: String {
    if self < .zero { return "-" + (.zero - self).words }
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

  static func * (a: Duration, b: Double) -> Duration { .nanoseconds(Int64((a.seconds * b * 1e9).rounded())) }
}
