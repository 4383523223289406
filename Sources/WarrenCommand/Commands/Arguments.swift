internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

/// `500ms`, `2s`, `1h5m`, `3d`; a number alone is seconds.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  init?(argument: String) {
    guard let duration = Duration(short: argument) else { return nil }
    seconds = duration / .seconds(1)
  }

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

/// A time in ISO 8601, or as this program shows it.
struct TimeArgument: ExpressibleByArgument {
  let date: Date
  let end: Date

  init?(argument: String) {
    guard let time = TimeText(argument) else { return nil }
    date = time.begin
    end = time.end
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

  /// Of two values for one name the one would be dropped.
  static func refuseRepeated(_ headers: [HeaderArgument]) throws {
    var names: Set<String> = []
    for header in headers where !names.insert(header.name).inserted {
      throw ValidationError("--header: '\(header.name)' is given twice, and a message has one of each name")
    }
  }
}

/// `50/s`, `100/m`, `50`: how many a second.
struct RateArgument: ExpressibleByArgument {
  let perSecond: Double

  init?(argument: String) {
    let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let units: [Substring: Double] = ["s": 1, "m": 60, "h": 3600]
    guard let number = Double(parts[0]), number.isFinite, number > 0,
      let unit = parts.count == 1 ? 1 : units[parts[1]]
    else { return nil }
    perSecond = number / unit
  }
}

/// A filter for messages; its ages count from now.
enum FilterArgument {
  @Sendable static func parse(_ text: String) throws -> MessageFilter {
    do throws(FilterError) { return try MessageFilter(parsing: text, now: Date()) } catch {
      throw ValidationError("\(error)")
    }
  }
}
