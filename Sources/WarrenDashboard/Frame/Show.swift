internal import Foundation
internal import Warren

/// How times and numbers are written on pages.
enum Show {
  /// `3 min 12 s ago`, with the exact time behind it.
  static func ago(_ time: Date?, now: Date) -> HTML {
    guard let time else { return none }
    let seconds = now.timeIntervalSince(time)
    let text: String
    if abs(seconds) < 1 {
      text = "now"
    } else if seconds < 0 {
      text = "in \(short(-seconds))"
    } else {
      text = "\(short(seconds)) ago"
    }
    return element(time, text)
  }

  /// `3 min 12 s`: how long something lasts already.
  static func age(_ time: Date?, now: Date) -> HTML {
    guard let time else { return none }
    return element(time, short(max(0, now.timeIntervalSince(time))))
  }

  /// The exact time, with how long ago behind it.
  static func exact(_ time: Date?, now: Date) -> HTML {
    guard let time else { return none }
    return HTML([
      element(time, text(time)), HTML(" "),
      Tags.small(.class("muted")) {
        "(\(short(abs(now.timeIntervalSince(time))))\(time <= now ? " ago" : " from now"))"
      },
    ])
  }

  private static func element(_ time: Date, _ text: String) -> HTML {
    Tags.time(Attribute("datetime", iso(time)), .title(Self.text(time))) { text }
  }

  /// `2026-11-26 13:05:01.250 UTC`.
  static func text(_ time: Date) -> String {
    iso(time).replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  static func iso(_ time: Date) -> String {
    time.textWithMilliseconds
  }

  private static func short(_ seconds: TimeInterval) -> String {
    Duration.clamped(seconds: seconds < 1 ? seconds : seconds.rounded(.down)).words
  }

  /// `12,345`.
  static func number(_ number: Int) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (number < 0 ? "−" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// A number, or a dash where the engine cannot tell.
  static func number(_ number: Int?) -> HTML { number.map { HTML(Self.number($0)) } ?? none }

  /// `12 dead letters`, `1 dead letter`.
  static func count(_ count: Int, _ noun: String) -> String { "\(number(count)) \(noun)\(count == 1 ? "" : "s")" }

  /// `1.5 kB`.
  static func size(_ bytes: Int) -> String {
    bytes < 1_000
      ? count(bytes, "byte")
      : bytes < 1_000_000
        ? String(format: "%.1f kB", Double(bytes) / 1_000) : String(format: "%.1f MB", Double(bytes) / 1_000_000)
  }

  /// What stands for something unknown.
  static let none = Tags.span(.class("muted"), .title("not known")) { "–" }
}
