internal import Foundation

/// One field of a cron expression: which numbers it lets through.
struct CronField: Sendable, Hashable {
  /// What a field may say.
  struct Rule: Sendable {
    var name: String
    var place: Int
    var range: ClosedRange<Int>
    /// What its numbers are called, from the first of the range on.
    var names: [String] = []

    static let all = [
      Rule(name: "minute", place: 1, range: 0...59),
      Rule(name: "hour", place: 2, range: 0...23),
      Rule(name: "day of the month", place: 3, range: 1...31),
      Rule(
        name: "month", place: 4, range: 1...12,
        names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
      // Both 0 and 7 are Sunday.
      Rule(
        name: "day of the week", place: 5, range: 0...7,
        names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]),
    ]
    var isWeekday: Bool { range.upperBound == 7 }
  }

  /// A bit for each number.
  private(set) var numbers: UInt64 = 0
  /// Whether it begins with `*`: then it asks for no particular time.
  let isOpen: Bool

  /// Reads a field.
  init(_ text: Substring, _ rule: Rule, of expression: String) throws(BrokerError) {
    isOpen = text.hasPrefix("*")
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      try add(part, rule) { reason throws(BrokerError) in
        throw BrokerError(
          .invalid,
          "'\(text.prefix(40))', the \(rule.name) (field \(rule.place)) of the cron expression '\(expression)': \(reason)"
        )
      }
    }
    // Sunday by its other number.
    if rule.isWeekday, contains(7) { numbers |= 1 }
  }

  func contains(_ number: Int) -> Bool { numbers & (1 << UInt64(number)) != 0 }

  /// The first number from this one on; `nil` when there is none.
  func first(from number: Int) -> Int? {
    if number > 63 { return nil }
    let left = numbers >> UInt64(number)
    return left == 0 ? nil : number + left.trailingZeroBitCount
  }

  private mutating func add(
    _ part: Substring, _ rule: Rule, _ fail: (String) throws(BrokerError) -> Never
  ) throws(BrokerError) {
    if part.isEmpty { try fail("a list has an empty place: write its numbers with one comma in between") }
    let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let ends = pieces[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    var first = rule.range.lowerBound
    // Of the week, seven days and not eight.
    var last = rule.isWeekday ? 6 : rule.range.upperBound
    if pieces[0] != "*" {
      first = try Self.number(ends[0], rule, fail)
      last = try ends.count > 1 ? Self.number(ends[1], rule, fail) : first
      // SAT-SUN ends on the Sunday that follows.
      if rule.isWeekday, ends.count > 1, last == 0, first > 0 { last = 7 }
    }
    if first > last { try fail("the range \(pieces[0]) ends before it begins: write two, separated by a comma") }
    var step = 1
    if pieces.count > 1 {
      guard let number = Int(pieces[1]), (1...rule.range.upperBound).contains(number) else {
        try fail("a step is a number from 1 to \(rule.range.upperBound), not '\(pieces[1].prefix(20))'")
      }
      if pieces[0] != "*", ends.count == 1 {
        try fail("a step needs a range: write \(first)-\(rule.range.upperBound)/\(number) or */\(number)")
      }
      step = number
    }
    for number in stride(from: first, through: last, by: step) { numbers |= 1 << UInt64(number) }
  }

  private static func number(
    _ text: Substring, _ rule: Rule, _ fail: (String) throws(BrokerError) -> Never
  ) throws(BrokerError) -> Int {
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    if isNumber, let number = Int(text), rule.range.contains(number) { return number }
    if let index = rule.names.firstIndex(of: text.uppercased()) { return rule.range.lowerBound + index }
    let names = rule.names.first.map { " or \($0) to \(rule.names[rule.isWeekday ? 6 : rule.names.count - 1])" } ?? ""
    let numbers = "\(rule.range.lowerBound) to \(rule.range.upperBound)\(names)"
    switch text {
    case "": try fail("a number is missing: \(numbers) is possible")
    case "?": try fail("'?' is not known here: write *")
    default: try fail("'\(text.prefix(20))' is not among \(numbers)")
    }
  }
}
