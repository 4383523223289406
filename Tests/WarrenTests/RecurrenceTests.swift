import Foundation
import Testing
import Warren

private func time(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

/// When schedules are due: pure calculation, without a clock.
@Suite struct RecurrenceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let expression: String
    let zone: String
    let after: String
    let times: [String]
    var testDescription: String { "\(expression) in \(zone) after \(after)" }

    init(_ expression: String, _ zone: String, _ after: String, _ times: String...) {
      (self.expression, self.zone, self.after, self.times) = (expression, zone, after, times)
    }
  }

  static let ordinary = [
    Case("0 6 * * 1-5", "UTC", "2026-11-26T06:00:00Z", "2026-11-27T06:00:00Z", "2026-11-30T06:00:00Z"),
    Case("0 6 * * MON-fri", "Europe/Berlin", "2026-11-27T05:00:01Z", "2026-11-30T05:00:00Z"),
    Case("*/20 9,17 * * *", "UTC", "2026-11-26T09:20:00Z", "2026-11-26T09:40:00Z", "2026-11-26T17:00:00Z"),
    Case("10-50/20 0 1 JAN,jul *", "UTC", "2026-11-26T00:00:00Z", "2027-01-01T00:10:00Z", "2027-01-01T00:30:00Z"),
    // Both kinds of days are named: either is enough.
    Case(
      "0 12 13 * 5", "UTC", "2026-12-05T00:00:00Z", "2026-12-11T12:00:00Z", "2026-12-13T12:00:00Z",
      "2026-12-18T12:00:00Z"),
    // One of them begins with a star: both have to fit.
    Case("0 0 */2 * 1", "UTC", "2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z", "2026-11-23T00:00:00Z"),
    Case("0 0 * * SAT-SUN", "UTC", "2026-11-26T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
    Case("0 0 * * 7", "UTC", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"),
    Case("@daily", "Asia/Kolkata", "2026-11-26T00:00:00Z", "2026-11-26T18:30:00Z"),
    Case("@hourly", "Asia/Kolkata", "2026-11-26T00:00:00Z", "2026-11-26T00:30:00Z", "2026-11-26T01:30:00Z"),
    Case("@weekly", "UTC", "2026-11-26T00:00:00Z", "2026-11-29T00:00:00Z"),
    Case("@monthly", "UTC", "2026-11-26T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    Case("@Yearly", "UTC", "2026-11-26T00:00:00Z", "2027-01-01T00:00:00Z"),
    Case("59 23 31 12 *", "UTC", "1969-01-01T00:00:00Z", "1969-12-31T23:59:00Z", "1970-12-31T23:59:00Z"),
  ]

  static let leapDays = [
    Case("0 0 29 2 *", "UTC", "2026-11-26T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
    // 2100 is no leap year.
    Case("0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
    Case("0 9 31 * *", "Europe/Berlin", "2026-01-31T12:00:00Z", "2026-03-31T07:00:00Z", "2026-05-31T07:00:00Z"),
    Case("30 2 28-31 2 *", "America/New_York", "2028-02-28T12:00:00Z", "2028-02-29T07:30:00Z", "2029-02-28T07:30:00Z"),
  ]

  /// A time of day that is left out comes at the end of the gap; one that comes twice counts once. With `*` in the minute or the
  /// hour, what the clock shows counts.
  static let changes = [
    Case(
      "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z"),
    Case("0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"),
    Case("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"),
    Case("*/30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"),
    Case(
      "0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z",
      "2026-03-29T02:00:00Z"),
    Case("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
    Case(
      "0,30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z",
      "2026-10-26T01:00:00Z"),
    Case("0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"),
    Case(
      "*/30 2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"),
    // From between the two occurrences.
    Case("45 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:45:00Z"),

    Case("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"),
    Case("*/30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-09T06:00:00Z", "2026-03-09T06:30:00Z"),
    Case("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"),
    Case(
      "*/30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z",
      "2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:00:00Z"),

    // Half an hour, and a zone of half an hour.
    Case("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"),
    Case("*/15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"),
    Case("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"),
    Case(
      "*/15 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:20:00Z", "2026-04-04T14:30:00Z", "2026-04-04T14:45:00Z",
      "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z", "2026-04-05T14:30:00Z"),

    // A day that never was: Samoa went over the date line.
    Case(
      "0 12 * * *", "Pacific/Apia", "2011-12-28T12:00:00Z", "2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z",
      "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"),
    // Midnight itself is left out.
    Case("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
  ]

  @Test(arguments: ordinary + leapDays + changes) func dueTimes(_ wanted: Case) throws {
    let recurrence = Recurrence.cron(wanted.expression, in: wanted.zone)
    let times = try recurrence.next(wanted.times.count, after: time(wanted.after))
    #expect(times.map { $0.formatted(.iso8601) } == wanted.times)
  }

  /// The clock on the wall, looked at every minute around the changes, shows the same.
  @Test(arguments: [
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca",
  ])
  func aClockThatIsLookedAtEveryMinuteAgrees(_ zone: String) throws {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(identifier: zone))
    let expressions: [(String, (DateComponents) -> Bool)] = [
      ("*/7 * * * *", { $0.minute! % 7 == 0 }),
      ("*/20 1-3 * * *", { $0.minute! % 20 == 0 && (1...3).contains($0.hour!) }),
      ("5 */2 * * SUN", { $0.minute! == 5 && $0.hour! % 2 == 0 && $0.weekday! == 1 }),
      ("* 0,23 * * *", { [0, 23].contains($0.hour!) }),
    ]
    var change = try time("2026-01-01T00:00:00Z")
    for _ in 0..<2 {
      change = try #require(calendar.timeZone.nextDaylightSavingTimeTransition(after: change))
      let begin = Date(timeIntervalSince1970: (change.timeIntervalSince1970 / 60).rounded() * 60 - 30 * 3600)
      let minutes = (1...60 * 60).map { begin.addingTimeInterval(60 * Double($0)) }
      let shown = minutes.map { calendar.dateComponents([.minute, .hour, .weekday], from: $0) }
      for (expression, fits) in expressions {
        let wanted = zip(minutes, shown).filter { fits($0.1) }.map(\.0)
        #expect(try Recurrence.cron(expression, in: zone).next(wanted.count, after: begin) == wanted, "\(expression)")
      }
    }
  }

  @Test func intervalsAreTheSameForAllProcesses() throws {
    #expect(
      try Recurrence.every(.seconds(300)).next(2, after: time("2026-11-26T06:02:03Z"))
        == [time("2026-11-26T06:05:00Z"), time("2026-11-26T06:10:00Z")])
    #expect(
      try Recurrence.every(.seconds(7)).next(after: Date(timeIntervalSince1970: -8)) == [
        Date(timeIntervalSince1970: -7)
      ])
    #expect(
      try Recurrence.every(.seconds(1)).next(after: Date(timeIntervalSince1970: 1.25)) == [
        Date(timeIntervalSince1970: 2)
      ])
  }

  @Test(arguments: [
    ("60 * * * *", "'60', the minute (field 1)"), ("* 24 * * *", "the hour (field 2)"),
    ("* * 0 * *", "the day of the month (field 3)"), ("* * * FEB-13 *", "'13' is not among 1 to 12 or JAN to DEC"),
    ("* * * * MOM", "'MOM' is not among 0 to 7 or SUN to SAT"), ("* * * * 8", "the day of the week (field 5)"),
    ("5/15 * * * *", "a step needs a range: write 5-59/15 or */15"), ("*/0 * * * *", "a step is a number from 1 to 59"),
    ("*/90 * * * *", "a step is a number from 1 to 59"), ("30-10 * * * *", "ends before it begins"),
    ("1,,2 * * * *", "empty place"), ("- * * * *", "a number is missing"), ("* * ? * *", "write *"),
    ("* * L * *", "field 3"), ("-5 * * * *", "field 1"), ("+5 * * * *", "field 1"), ("1-2-3 * * * *", "field 1"),
    ("* * * *", "has 4 fields, not five"), ("0 * * * * *", "has 6 fields, not five"), ("", "has 0 fields"),
    ("@reboot", "@hourly"), ("@every 5m", "has 2 fields"), ("0 0 31 2,4 *", "never comes"),
    ("0 0 30 2 *", "never comes"),
    ("99999999999999999999 * * * *", "field 1"),
  ]) func whatIsWrongIsSaidWithItsField(_ expression: String, _ part: String) throws {
    let error = #expect(throws: BrokerError.self) { try Recurrence.cron(expression).next(after: Date()) }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func zonesAndIntervalsThatAreNoneAreRefused() {
    for wrong: Recurrence in [
      .cron("@daily", in: "Europe/Berlim"), .cron("@daily", in: ""), .every(.zero), .every(.seconds(-1)),
      .every(.milliseconds(1500)), .every(.seconds(1 << 60)),
    ] {
      let error = #expect(throws: BrokerError.self) { try wrong.next(after: Date()) }
      #expect(error?.code == .invalid)
    }
  }

  @Test func theyAreStoredAndShown() throws {
    for recurrence: Recurrence in [.cron("0 6 * * 1-5", in: "Europe/Berlin"), .every(.seconds(300))] {
      let data = try JSONEncoder().encode(recurrence)
      #expect(try JSONDecoder().decode(Recurrence.self, from: data) == recurrence)
    }
    #expect("\(Recurrence.cron("@daily", in: "UTC"))" == "@daily in UTC")
    #expect("\(Recurrence.every(.seconds(300)))" == "every 5 min")
  }
}
