internal import ArgumentParser
internal import Foundation
internal import WarrenOperations

/// `500ms`, `2s`, `1h5m`, `3d`; a number alone is seconds.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  init?(argument: String) {
    if let seconds = Double(argument), (0...Self.most).contains(seconds) {
      self.seconds = seconds
      return
    }
    let units: [String: Double] = ["ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400]
    var rest = argument[...]
    var sum = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber || $0 == "." }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let number = Double(digits), let scale = units[String(unit)] else { return nil }
      sum += number * scale
    }
    if argument.isEmpty || sum > Self.most { return nil }
    seconds = sum
  }

  /// A hundred years: beyond is a slip, and somewhere beyond that numbers overflow.
  private static let most = 3_155_760_000.0

  var description: String { seconds < 1 ? "\(Int(seconds * 1000))ms" : Format.short(seconds) }
}

/// How many: 1 or more.
struct CountArgument: ExpressibleByArgument, CustomStringConvertible {
  let count: Int

  init(count: Int) { self.count = count }

  init?(argument: String) {
    // One more has to be a number too: lists ask for one more than they show.
    guard let count = Int(argument), count >= 1, count < .max else { return nil }
    self.count = count
  }

  var description: String { "\(count)" }
}

/// An ISO 8601 time with its zone.
struct TimeArgument: ExpressibleByArgument {
  let date: Date

  init?(argument: String) {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: argument.contains("."))
    guard let date = try? Date(argument, strategy: style) else { return nil }
    self.date = date
  }
}

/// `name=value`.
struct HeaderArgument: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else { return nil }
    name = String(argument[..<separator])
    value = String(argument[argument.index(after: separator)...])
  }
}
