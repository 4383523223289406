internal import EventBookingModel
internal import ExampleSupport
internal import Foundation

/// The rules that the fields of an event keep.
extension EventDraft {
  /// For a new event all fields but the description are needed.
  func details(now: Date) throws -> EventDetails {
    guard let totalTickets else { throw APIError.field("totalTickets", "is missing") }
    return EventDetails(
      title: try Checked.text(title, field: "title", atMost: 200),
      description: try Checked.lines(description ?? "", field: "description", atMost: 5_000),
      date: try Self.date(date, now: now), location: try Checked.text(location, field: "location", atMost: 200),
      totalTickets: try Self.tickets(totalTickets))
  }

  /// For a change one field is needed; the others stay.
  func details(changing old: EventDetails, now: Date) throws -> EventDetails {
    if title == nil, description == nil, date == nil, location == nil, totalTickets == nil {
      throw APIError.field(
        "title", "is missing, and all else too: send title, description, date, location or totalTickets")
    }
    var new = old
    if let title { new.title = try Checked.text(title, field: "title", atMost: 200) }
    if let description { new.description = try Checked.lines(description, field: "description", atMost: 5_000) }
    if let location { new.location = try Checked.text(location, field: "location", atMost: 200) }
    if let totalTickets { new.totalTickets = try Self.tickets(totalTickets) }
    // The same date is no change, even if it has passed.
    if let date, try Self.parsed(date) != old.date { new.date = try Self.date(date, now: now) }
    return new
  }

  private static func tickets(_ count: Int) throws -> Int {
    guard EventModule.tickets.contains(count) else {
      throw APIError.field("totalTickets", "is \(count): 1 to 1,000,000 are possible")
    }
    return count
  }

  private static func date(_ text: String?, now: Date) throws -> Date {
    let date = try parsed(text)
    guard date > now, date < now.addingTimeInterval(20 * 366 * 86_400) else {
      throw APIError.field("date", "must lie in the future, at most 20 years ahead")
    }
    return date
  }

  private static func parsed(_ text: String?) throws -> Date {
    guard let text else { throw APIError.field("date", "is missing") }
    let short = try? Date(text, strategy: .iso8601)
    guard let date = short ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    else { throw APIError.field("date", "is no time in ISO 8601: send one like 2027-01-15T19:30:00Z") }
    // Whole seconds, as it is shown.
    return Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
  }
}
