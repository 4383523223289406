public import Foundation

/// A time as people write it: in ISO 8601, to the second or finer, with a `T` or a space, and with its zone or in that of this machine.
///
/// Times are stored in whole milliseconds, and shown to the second on a terminal. So a second that is written without its fraction means
/// all of it: what is shown selects what it shows.
public struct TimeText: Sendable, Hashable {
  /// The first millisecond of what the text means.
  public var begin: Date
  /// The last millisecond of it.
  public var end: Date

  /// `nil` when the text is no such time.
  public init?(_ text: String) {
    let pattern =
      /(\d{4}-\d{2}-\d{2})[T ]((?:[01]\d|2[0-4]):[0-5]\d:(?:[0-5]\d|60))(?:[.,](\d{1,9}))?(Z|z|[+-]\d{2}:?\d{2})?/
    guard let parts = text.wholeMatch(of: pattern)?.output else { return nil }
    guard Self.exists(parts.1), !parts.2.hasPrefix("24") || parts.2 == "24:00:00" else { return nil }
    let second = "\(parts.1)T\(parts.2)"
    let date: Date?
    if let zone = parts.4 {
      let hasColon = zone.count == 1 || zone.contains(":")
      date = try? Date(
        second + (hasColon ? zone.uppercased() : "\(zone.dropLast(2)):\(zone.suffix(2))"), strategy: .iso8601)
    } else {
      let style = Date.ISO8601FormatStyle(timeZone: .current).year().month().day().dateTimeSeparator(.standard).time(
        includingFractionalSeconds: false)
      date = try? Date(second, strategy: style)
    }
    guard let date else { return nil }
    let whole = date.timeIntervalSince1970.rounded(.down)
    let milliseconds = parts.3.flatMap { Int((String($0) + "00").prefix(3)) }
    begin = Date(timeIntervalSince1970: whole + Double(milliseconds ?? 0) / 1000)
    end = Date(timeIntervalSince1970: whole + Double(milliseconds ?? 999) / 1000)
  }

  /// Whether the calendar has such a day: `2026-02-30` is none, and would be taken for the second of March.
  private static func exists(_ day: Substring) -> Bool {
    let parts = day.split(separator: "-").compactMap { Int($0) }
    guard parts.count == 3, (1...12).contains(parts[1]) else { return false }
    let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
    let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...days[parts[1] - 1]).contains(parts[2])
  }
}
