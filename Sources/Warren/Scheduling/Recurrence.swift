public import Foundation

/// When something is due again and again: at the times of a cron expression in a zone, or at intervals.
///
/// ```swift
/// Recurrence.cron("0 6 * * 1-5", in: "Europe/Berlin")
/// Recurrence.every(.seconds(300))
/// ```
/// A cron expression has five fields: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday). A field is `*`,
/// a number or a name (`JAN`, `MON`), a range `1-5`, either of these with a step `*/15`, or a list of them. Where both a day of
/// the month and a day of the week are named, either is enough. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are known.
///
/// When clocks are changed, Vixie cron's rule holds: a time of day that is left out comes at the end of the gap, and one that
/// comes twice counts the first time only; `*` in the minute or the hour goes by what the clock shows.
public struct Recurrence: Sendable, Hashable, CustomStringConvertible {
  enum Kind: Sendable, Hashable {
    case cron(String, zone: String)
    case interval(Duration)
  }
  let kind: Kind

  /// At the times of a cron expression.
  ///
  /// - Parameter zone: the name of a zone of the tz database, such as `Europe/Berlin`.
  public static func cron(_ expression: String, in zone: String = "UTC") -> Recurrence {
    Recurrence(kind: .cron(expression, zone: zone))
  }

  /// At each whole multiple of an interval since 1970-01-01 00:00 UTC, so that all processes mean the same times, whenever they
  /// were started: every hour is on the hour. Whole seconds.
  public static func every(_ interval: Duration) -> Recurrence { Recurrence(kind: .interval(interval)) }

  /// The next times after this one, as many as `count`. They do not depend on the present.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when the expression, the zone or the interval is wrong, with what of it.
  public func next(_ count: Int = 1, after time: Date) throws(BrokerError) -> [Date] {
    let ticks = try Ticks(self)
    var times: [Date] = []
    while times.count < count, let next = ticks.next(after: times.last ?? time) { times.append(next) }
    return times
  }

  /// `0 6 * * 1-5 in Europe/Berlin`, `every 5 min`.
  public var description: String {
    switch kind {
    case .cron(let expression, let zone): "\(expression) in \(zone)"
    case .interval(let interval): "every \(interval.words)"
    }
  }
}

extension Recurrence: Codable {
  private enum Keys: String, CodingKey { case cron, zone, seconds }

  /// Reads what ``encode(to:)`` has written.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    if let seconds = try container.decodeIfPresent(Int64.self, forKey: .seconds) {
      kind = .interval(.seconds(seconds))
    } else {
      kind = .cron(
        try container.decode(String.self, forKey: .cron), zone: try container.decode(String.self, forKey: .zone))
    }
  }

  /// `{"cron": …, "zone": …}` or `{"seconds": …}`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    switch kind {
    case .cron(let expression, let zone):
      try container.encode(expression, forKey: .cron)
      try container.encode(zone, forKey: .zone)
    case .interval(let interval): try container.encode(interval.components.seconds, forKey: .seconds)
    }
  }
}
