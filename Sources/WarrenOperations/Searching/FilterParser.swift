public import Foundation
public import Warren

extension MessageFilter {
  /// Reads a filter as people write it: conditions between spaces, all of which must hold.
  ///
  /// ```
  /// queue:email error~timeout age>1h name:booking.* reason:expired,rejected data.user.id=42 -source:test "free text"
  /// ```
  ///
  /// - A field, an operator, a value: `:` is one of several, with `*` for any text; `=` and `!=` are exact; `~` contains, with
  ///   A to Z and a to z the same; `<`, `<=`, `>` and `>=` compare numbers and times.
  /// - The fields are `queue`, `origin`, `name`, `id`, `reason`, `error`, `source`, `key`, `correlation`, `attempts`, `replays`,
  ///   `age`, `time`, `header.NAME` and `data.PATH`.
  /// - A `-` before a condition turns it round. A word or a quotation alone is looked for in id, name, errors, headers and body.
  /// - What has spaces, commas or quotes in it stands in double quotes, in which `\"` and `\\` are a quote and a backslash.
  ///
  /// - Parameter now: what ages are counted from; the filter that is made holds times, so that it finds the same later.
  public init(parsing text: String, now: Date) throws(FilterError) {
    var parser = FilterParser(text, now: now)
    self = try parser.filter()
  }
}

/// Reads a ``Warren/MessageFilter``.
struct FilterParser {
  private enum Operator: String, CaseIterable {
    // The longer first.
    case notEqual = "!="
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case less = "<"
    case greater = ">"
    case like = ":"
    case equal = "="
    case contains = "~"

    var order: MessageCondition.Order? { .init(rawValue: rawValue) }
  }

  private struct Value {
    var text: String
    var column: Int
    var isQuoted: Bool
  }

  /// More conditions, or a longer text, are a mistake.
  private static let mostConditions = 50, longest = 4_000

  private let characters: [Character]
  private var position = 0
  private let now: Date

  init(_ text: String, now: Date) {
    characters = Array(text)
    self.now = now
  }

  mutating func filter() throws(FilterError) -> MessageFilter {
    if characters.count > Self.longest { throw problem("a filter has at most \(Self.longest) characters") }
    var conditions: [MessageCondition] = []
    while true {
      while let next, next.isWhitespace { position += 1 }
      if next == nil { return MessageFilter(conditions) }
      if conditions.count == Self.mostConditions {
        throw problem("a filter has at most \(Self.mostConditions) conditions")
      }
      conditions.append(try condition())
    }
  }

  private var next: Character? { position < characters.count ? characters[position] : nil }

  private func problem(_ text: String, at column: Int? = nil) -> FilterError {
    FilterError(column: column ?? position + 1, problem: text)
  }

  // MARK: One condition

  private mutating func condition() throws(FilterError) -> MessageCondition {
    let isTurned = next == "-"
    if isTurned { position += 1 }
    let start = position + 1
    if next == "\"" {
      let text = try quotation()
      if let next, !next.isWhitespace { throw problem("a space is missing after the quotation") }
      return try freeText(text, at: start, isTurned)
    }
    var word = ""
    while let next, !next.isWhitespace, next != "\"", !startsOperator {
      word.append(next)
      position += 1
    }
    guard let sign = takeOperator() else {
      if next == "\"" { throw problem("a quotation begins in the middle of a word: put all of it in quotes") }
      if word.isEmpty { throw problem("a condition is missing after '-'") }
      if ["and", "or", "not"].contains(word.lowercased()) {
        throw problem(
          "'\(word)' is no operator: all conditions must hold, alternatives stand in one as reason:expired,rejected, and '-' "
            + "turns a condition round; to look for the word, put it in quotes", at: start)
      }
      return try freeText(word, at: start, isTurned)
    }
    if word.hasSuffix("!") {
      throw problem("the name of a field does not end with '!'; 'is not' is written as '!='", at: start)
    }
    let field = try field(word, at: start)
    let values = try values(after: word + sign.rawValue, isList: sign == .like || sign == .equal || sign == .notEqual)
    var condition = try self.condition(field, word, sign, values, at: start)
    if isTurned { condition.isNegated.toggle() }
    return condition
  }

  private func freeText(_ text: String, at column: Int, _ isTurned: Bool) throws(FilterError) -> MessageCondition {
    if text.isEmpty { throw problem("there is nothing to look for between the quotes", at: column) }
    return MessageCondition(.text, .contains(text), isNegated: isTurned)
  }

  private var startsOperator: Bool { Operator.allCases.contains { characters[position...].starts(with: $0.rawValue) } }

  private mutating func takeOperator() -> Operator? {
    guard let sign = Operator.allCases.first(where: { characters[position...].starts(with: $0.rawValue) }) else {
      return nil
    }
    position += sign.rawValue.count
    return sign
  }

  // MARK: Values

  private mutating func values(after what: String, isList: Bool) throws(FilterError) -> [Value] {
    var values: [Value] = []
    while true {
      let column = position + 1
      if next == "\"" {
        values.append(Value(text: try quotation(), column: column, isQuoted: true))
      } else {
        var text = ""
        while let next, !next.isWhitespace, next != "\"", !(isList && next == ",") {
          text.append(next)
          position += 1
        }
        if text.isEmpty { throw problem("a value is missing after '\(values.isEmpty ? what : ",")'") }
        values.append(Value(text: text, column: column, isQuoted: false))
      }
      guard let after = next, !after.isWhitespace else { return values }
      guard isList, after == "," else { throw problem("a space is missing after the value") }
      position += 1
    }
  }

  private mutating func quotation() throws(FilterError) -> String {
    let start = position + 1
    position += 1
    var text = ""
    while let character = next {
      position += 1
      switch character {
      case "\"": return text
      case "\\":
        guard let escaped = next, escaped == "\"" || escaped == "\\" else {
          throw problem("'\\' must be followed by '\"' or '\\'")
        }
        text.append(escaped)
        position += 1
      default: text.append(character)
      }
    }
    throw problem("the quotation has no end", at: start)
  }

  // MARK: Fields

  private static let fields: [String: MessageCondition.Field] = [
    "queue": .queue, "origin": .origin, "name": .name, "id": .id, "reason": .reason, "error": .error, "source": .source,
    "key": .key, "correlation": .correlation, "attempts": .attempts, "replays": .replays, "age": .time, "time": .time,
  ]

  private func field(_ word: String, at column: Int) throws(FilterError) -> MessageCondition.Field {
    if let field = Self.fields[word] { return field }
    for (start, part) in [("data.", "a path, as in data.user.id"), ("header.", "a name, as in header.x-user")]
    where word.hasPrefix(start) || word == start.dropLast() {
      let rest = String(word.dropFirst(start.count))
      if start == "header.", !rest.isEmpty { return .header(rest) }
      let path = rest.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      if start == "data.", !path.contains("") { return .data(path) }
      throw problem("after '\(start.dropLast())' comes \(part)", at: column)
    }
    let all = (Self.fields.keys.sorted() + ["header.NAME", "data.PATH"]).joined(separator: ", ")
    let what = word.isEmpty ? "a field is missing" : "there is no field '\(word)'"
    throw problem("\(what): there are \(all); to look for a text, put it in quotes", at: column)
  }

  private func condition(
    _ field: MessageCondition.Field, _ word: String, _ sign: Operator, _ values: [Value], at column: Int
  ) throws(FilterError) -> MessageCondition {
    guard let value = values.first else { throw problem("a value is missing") }
    switch (word, sign.order) {
    case ("age", let order?):
      guard let age = Duration(short: value.text) else {
        throw problem("'\(value.text)' is no age: write it as 90s, 5m, 1h30m or 2d", at: value.column)
      }
      let turned: [MessageCondition.Order: MessageCondition.Order] = [
        .less: .greater, .lessOrEqual: .greaterOrEqual, .greater: .less, .greaterOrEqual: .lessOrEqual,
      ]
      let then = now.addingTimeInterval(-Double(age.components.seconds) - Double(age.components.attoseconds) * 1e-18)
      return MessageCondition(.time, .compares(turned[order] ?? order, Self.milliseconds(then)))
    case ("time", let order?):
      guard let time = TimeText(value.text) else {
        throw problem(
          "'\(value.text)' is no time: write it in ISO 8601 with its zone, as 2026-11-26T08:15:00Z", at: value.column)
      }
      // Up to a second is up to its end, and after it is after that.
      let isEnd = order == .lessOrEqual || order == .greater
      return MessageCondition(.time, .compares(order, Self.milliseconds(isEnd ? time.end : time.begin)))
    case ("age", nil): throw problem("an age is compared with < or >, as in age>1h", at: column)
    case ("time", nil): throw problem("a time is compared with < or >, as in time>2026-11-26T08:15:00Z", at: column)
    case ("attempts", let order), ("replays", let order):
      var numbers: [Int] = []
      for value in values {
        guard let number = Int(value.text), sign != .contains else {
          throw problem("'\(value.text)' is no whole number, with which \(word) can be compared", at: value.column)
        }
        numbers.append(number)
      }
      if let order { return MessageCondition(field, .compares(order, Double(numbers[0]))) }
      return MessageCondition(field, .equals(numbers.map { "\($0)" }), isNegated: sign == .notEqual)
    case (_, let order?):
      switch field {
      case .data, .header: break
      default: throw problem("'\(word)' is a text: compare it with ':', '=' or '~'", at: column)
      }
      guard let number = Double(value.text), number.isFinite else {
        throw problem("'\(value.text)' is no number, with which '\(sign.rawValue)' compares", at: value.column)
      }
      return MessageCondition(field, .compares(order, number))
    case (_, nil): return try textual(field, sign, values)
    }
  }

  private func textual(
    _ field: MessageCondition.Field, _ sign: Operator, _ values: [Value]
  ) throws(FilterError) -> MessageCondition {
    let texts = values.map(\.text)
    if sign == .contains {
      if texts[0].isEmpty { throw problem("there is nothing to look for between the quotes", at: values[0].column) }
      return MessageCondition(field, .contains(texts[0]))
    }
    if sign == .like, values.contains(where: { !$0.isQuoted && $0.text.contains("*") }) {
      if let literal = values.first(where: { $0.isQuoted && $0.text.contains("*") }) {
        throw problem("a '*' in quotes stands for itself, and beside a pattern it cannot", at: literal.column)
      }
      return MessageCondition(field, .resembles(texts))
    }
    if field == .reason {
      for value in values where !DeadLetterReason.Kind.allCases.map(\.rawValue).contains(value.text) {
        let all = DeadLetterReason.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw problem("there is no reason '\(value.text)': there are \(all)", at: value.column)
      }
    }
    return MessageCondition(field, .equals(texts), isNegated: sign == .notEqual)
  }

  private static func milliseconds(_ time: Date) -> Double { (time.timeIntervalSince1970 * 1000).rounded() }
}
