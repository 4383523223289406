/// Rules that fields of requests must keep; what breaks one is an ``APIError`` that names the field.
public enum Checked {
  /// A text without control characters and without space around it.
  public static func text(_ text: String?, field: String, atMost limit: Int) throws -> String {
    guard let text else { throw APIError.field(field, "is missing") }
    let trimmed = text.trimmed
    // Marks that print nothing, such as a space without width, make no text.
    let isBlank = trimmed.unicodeScalars.allSatisfy {
      $0.properties.generalCategory == .format || $0.properties.isWhitespace
    }
    if isBlank { throw APIError.field(field, "must not be blank") }
    try check(trimmed, field, limit) { $0.properties.generalCategory == .control }
    return trimmed
  }

  /// A text of many lines, which may be empty.
  public static func lines(_ text: String, field: String, atMost limit: Int) throws -> String {
    // The character NUL ends a text in C, and so in SQLite: what follows it would be lost.
    try check(text, field, limit) { $0 == "\0" }
    return text
  }

  /// A whole number of a range.
  public static func number(_ text: String, field: String, in range: ClosedRange<Int>) throws -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw APIError.field(field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// Short texts, each once.
  public static func list(
    _ texts: [String], field: String, atMost count: Int, each limit: Int
  ) throws -> [String] {
    if texts.count > count { throw APIError.field(field, "has \(texts.count) entries: at most \(count) are possible") }
    var seen: Set<String> = []
    return try texts.enumerated().map { try text($1, field: "\(field)[\($0)]", atMost: limit) }
      .filter { seen.insert($0).inserted }
  }

  private static func check(
    _ text: String, _ field: String, _ limit: Int, forbidden: (Unicode.Scalar) -> Bool
  ) throws {
    let length = text.unicodeScalars.count
    if length > limit { throw APIError.field(field, "has \(length) characters: at most \(limit) are possible") }
    if text.unicodeScalars.contains(where: forbidden) {
      throw APIError.field(field, "has a control character in it")
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
