/// When something is due, as cron says it: minute, hour, day of the month, month, day of the week. Pure: it knows local minutes
/// and nothing of zones or of the present.
///
/// A local minute is the number of minutes since 1970-01-01 00:00, as if all days had 24 hours.
struct CronExpression: Sendable, Hashable {
  let text: String
  let minutes: CronField
  let hours: CronField
  let days: CronField
  let months: CronField
  let weekdays: CronField

  /// Whether it asks for no particular time of day, since its minute or its hour begins with `*`.
  var isOpen: Bool { minutes.isOpen || hours.isOpen }

  /// Whether a day must fit by its number and by its name: one of them begins with `*`. Otherwise either is enough.
  var needsBothDays: Bool { days.isOpen || weekdays.isOpen }

  /// Reads an expression.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` with the field that is wrong.
  init(_ text: String) throws(BrokerError) {
    self.text = text
    let shown = String(text.prefix(80))
    var fields = text.split(whereSeparator: \.isWhitespace)
    if fields.count == 1, let word = fields.first, word.hasPrefix("@") {
      guard let meant = Self.words[word.lowercased()] else {
        let known = Self.words.keys.sorted().joined(separator: ", ")
        throw BrokerError(
          .invalid,
          "'\(shown)' is no cron expression that is known: five fields, or one of \(known); for an interval use `.every`"
        )
      }
      fields = meant.split(separator: " ")
    }
    guard fields.count == CronField.Rule.all.count else {
      throw BrokerError(
        .invalid,
        "the cron expression '\(shown)' has \(fields.count) fields, not five: minute, hour, day of the month, month, day of "
          + "the week" + (fields.count > 5 ? "; seconds and years are not known here" : ""))
    }
    var read: [CronField] = []
    for (field, rule) in zip(fields, CronField.Rule.all) { read.append(try CronField(field, rule, of: shown)) }
    (minutes, hours, days, months, weekdays) = (read[0], read[1], read[2], read[3], read[4])
    // From a leap year on, so that what comes once in 28 years is found.
    if next(from: 0) == nil {
      throw BrokerError(
        .invalid, "the cron expression '\(shown)' never comes: no such day is in these months (fields 3 and 4)")
    }
  }

  /// The first local minute from this one on that it means; `nil` when none comes in 60 years.
  func next(from minute: Int) -> Int? {
    var day = minute.quotient(by: 1440)
    var minuteOfDay = minute - day * 1440
    let last = day + 60 * 366
    while day <= last {
      let date = LocalDays.date(day)
      if !months.contains(date.month) {
        let isLast = date.month == 12
        day = LocalDays.number(year: date.year + (isLast ? 1 : 0), month: isLast ? 1 : date.month + 1, day: 1)
        minuteOfDay = 0
        continue
      }
      if isMeant(date.day, LocalDays.weekday(day)), let found = time(from: minuteOfDay) { return day * 1440 + found }
      day += 1
      minuteOfDay = 0
    }
    return nil
  }

  /// Where both kinds of days are named, either is enough: that is cron's rule.
  private func isMeant(_ day: Int, _ weekday: Int) -> Bool {
    let (fits, fitsWeek) = (days.contains(day), weekdays.contains(weekday))
    return needsBothDays ? fits && fitsWeek : fits || fitsWeek
  }

  private func time(from minuteOfDay: Int) -> Int? {
    var hour = hours.first(from: minuteOfDay / 60)
    while let found = hour {
      let from = found == minuteOfDay / 60 ? minuteOfDay % 60 : 0
      if let minute = minutes.first(from: from) { return found * 60 + minute }
      hour = hours.first(from: found + 1)
    }
    return nil
  }

  private static let words = [
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
  ]
}
