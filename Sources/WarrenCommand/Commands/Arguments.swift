internal import ArgumentParser
internal import Foundation
internal import WarrenOperations

/// `500ms`, `2s`, `1h5m`, `3d`; a number alone is seconds.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  init?(argument: String) {
    if let seconds = Double(argument), seconds >= 0, seconds.isFinite {
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
    if argument.isEmpty { return nil }
    seconds = sum
  }

  var description: String { seconds < 1 ? "\(Int(seconds * 1000))ms" : Format.short(seconds) }
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
