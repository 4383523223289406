extension Duration {
  /// A duration as people write it: `500ms`, `2s`, `1h5m`, `3d`; a number alone is seconds. `nil` for anything else, and for
  /// more than a hundred years, which is a slip.
  public init?(short text: String) {
    if let seconds = Double(text) {
      self.init(whole: seconds)
      return
    }
    let units: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400]
    var rest = text[...]
    var sum = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber || $0 == "." }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let number = Double(digits), let scale = units[String(unit)] else { return nil }
      sum += number * scale
    }
    if text.isEmpty { return nil }
    self.init(whole: sum)
  }

  private init?(whole seconds: Double) {
    guard (0...3_155_760_000).contains(seconds) else { return nil }
    self = .seconds(seconds)
  }
}
