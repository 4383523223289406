extension Recurrence {
  /// What it means, in words: `at 06:00 on Monday to Friday, Europe/Berlin`; its text where it is wrong.
  public var words: String {
    switch kind {
    case .interval(let interval): return "every \(interval.words)"
    case .cron(let expression, let zone):
      guard let read = try? CronExpression(expression) else { return description }
      return "\(read.words), \(zone)"
    }
  }
}

extension CronExpression {
  /// What it means, in words.
  var words: String {
    [times, dates, monthNames].compactMap(\.self).joined(separator: " ")
  }

  // MARK: The time of day

  private var times: String {
    let (minutes, hours) = (minutes.all(in: 0...59), hours.all(in: 0...23))
    let hoursOfDay = hours.count == 24 ? nil : "in the hours \(Self.list(hours) { "\($0)" })"
    if minutes.count * hours.count > 6, let step = Self.step(minutes, of: 60) {
      return [step == 1 ? "every minute" : "every \(step) minutes", hoursOfDay].compactMap(\.self)
        .joined(separator: " ")
    }
    if minutes.count == 1, hours.count == 24 {
      return minutes == [0] ? "every hour" : "every hour at \(minutes[0]) past"
    }
    if minutes.count == 1, hours.count > 2, let step = Self.step(hours, of: 24) {
      return "every \(step) hours\(minutes == [0] ? "" : " at \(minutes[0]) past")"
    }
    if minutes.count * hours.count <= 6 {
      let times = hours.flatMap { hour in minutes.map { Self.two(hour) + ":" + Self.two($0) } }
      return "at " + Self.and(times)
    }
    return "at \(Self.list(minutes) { "\($0)" }) past \(hoursOfDay ?? "every hour")"
      .replacing("past in the hours", with: "past the hours")
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  // MARK: The day

  private var dates: String? {
    let (days, weekdays) = (days.all(in: 1...31), weekdays.all(in: 0...6))
    let onDays = days.count == 31 ? nil : "the \(Self.list(days, Self.ordinal))"
    // The week begins on Monday, so that a weekend is one range.
    let week = weekdays.map { $0 == 0 ? 7 : $0 }.sorted()
    let onWeekdays = weekdays.count == 7 ? nil : Self.list(week) { Self.weekdayNames[$0 % 7] }
    switch (onDays, onWeekdays) {
    case (nil, nil): return nil
    case (let days?, nil): return "on \(days)"
    case (nil, let weekdays?): return "on \(weekdays)"
    case (let days?, let weekdays?):
      // Cron's rule: where both are named, either is enough.
      return needsBothDays ? "on \(days), if that is \(weekdays)" : "on \(days) and on \(weekdays)"
    }
  }

  private var monthNames: String? {
    let months = months.all(in: 1...12)
    return months.count == 12 ? nil : "in \(Self.list(months) { Self.names[$0 - 1] })"
  }

  private static func ordinal(_ number: Int) -> String {
    switch number {
    case 1, 21, 31: "\(number)st"
    case 2, 22: "\(number)nd"
    case 3, 23: "\(number)rd"
    default: "\(number)th"
    }
  }

  private static let weekdayNames = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  private static let names = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]

  // MARK: Lists

  /// The distance of numbers that begin with 0 and go on evenly round the whole; `nil` when they do not.
  private static func step(_ numbers: [Int], of whole: Int) -> Int? {
    guard numbers.count > 1, numbers[0] == 0, whole % numbers.count == 0 else { return nil }
    let step = whole / numbers.count
    return numbers.enumerated().allSatisfy { $0.element == $0.offset * step } ? step : nil
  }

  /// `1 to 5, 7 and 9`.
  private static func list(_ numbers: [Int], _ name: (Int) -> String) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    let parts = ranges.flatMap { range in
      range.count > 2 ? ["\(name(range.lowerBound)) to \(name(range.upperBound))"] : range.map(name)
    }
    return and(parts)
  }

  private static func and(_ parts: [String]) -> String {
    parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + (parts.last ?? "")
  }
}

extension CronField {
  fileprivate func all(in range: ClosedRange<Int>) -> [Int] { range.filter(contains) }
}
