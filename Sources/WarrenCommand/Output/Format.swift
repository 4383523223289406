internal import Foundation

extension Date {
  /// The nearest millisecond, a hair later: what formats a time cuts, and would show the millisecond before.
  var atMillisecond: Date { Date(timeIntervalSince1970: ((timeIntervalSince1970 * 1000).rounded() + 0.1) / 1000) }
}

extension Date {
  /// Whether it stands for a time that the engine cannot tell: when another program parked a message, for instance.
  var isUnknown: Bool { timeIntervalSince1970 == 0 }
}

/// How times, ages and numbers are written: short on a terminal, exact elsewhere. What is unknown is ``unknown``, and never 0.
struct Format {
  let isForPerson: Bool
  let isUTC: Bool
  let now: Date

  init(_ options: GlobalOptions, _ terminal: Terminal, now: Date = Date()) {
    isForPerson = terminal.isOutput
    isUTC = options.utc
    self.now = now
  }

  /// Stands for what the engine cannot tell.
  static let unknown = "-"

  /// `2026-11-21 08:15:02` on a terminal, ISO 8601 with milliseconds and zone elsewhere.
  func time(_ date: Date?) -> String {
    guard let date else { return "" }
    if date.isUnknown { return Self.unknown }
    let zone = isUTC ? TimeZone(secondsFromGMT: 0) ?? .current : .current
    let style = Date.ISO8601FormatStyle(
      dateSeparator: .dash, dateTimeSeparator: isForPerson ? .space : .standard, timeSeparator: .colon,
      timeZoneSeparator: .colon, includingFractionalSeconds: !isForPerson, timeZone: zone
    ).year().month().day().dateTimeSeparator(isForPerson ? .space : .standard).time(
      includingFractionalSeconds: !isForPerson)
    return date.atMillisecond.formatted(isForPerson ? style : style.timeZone(separator: .colon))
  }

  /// How long ago: `3m12s` on a terminal; elsewhere the time itself.
  func age(_ date: Date?) -> String {
    guard let date else { return "" }
    if date.isUnknown { return Self.unknown }
    return isForPerson ? Self.short(now.timeIntervalSince(date)) : time(date)
  }

  /// How long until then: `in 3m12s` on a terminal; elsewhere the time itself.
  func until(_ date: Date?) -> String {
    guard let date else { return "" }
    return isForPerson ? "in " + Self.short(date.timeIntervalSince(now)) : time(date)
  }

  /// `4s`, `3m12s`, `5h20m`, `12d4h`.
  static func short(_ seconds: TimeInterval) -> String {
    let seconds = max(0, Int(seconds))
    return switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3600: "\(seconds / 60)m\(seconds % 60)s"
    case ..<86_400: "\(seconds / 3600)h\(seconds % 3600 / 60)m"
    default: "\(seconds / 86_400)d\(seconds % 86_400 / 3600)h"
    }
  }

  func rate(_ rate: Double?) -> String { rate.map { String(format: "%.1f", $0) } ?? Self.unknown }

  func number(_ number: Int?) -> String { number.map { "\($0)" } ?? Self.unknown }
}
