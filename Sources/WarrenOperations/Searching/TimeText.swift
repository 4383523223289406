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
}
