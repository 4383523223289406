package import Foundation

/// Something that tickets are sold for.
package struct Event: Codable, Sendable, Equatable {
  package var eventId: String
  package var organizerId: String
  package var title: String
  package var description: String
  package var date: Date
  package var location: String
  package var totalTickets: Int
  package var ticketsSold: Int
  package var createdAt: Date
  package var updatedAt: Date
  /// When it was called off. Its customers are still told after that.
  package var deletedAt: Date?

  package init(
    eventId: String, organizerId: String, details: EventDetails, ticketsSold: Int = 0, createdAt: Date
  ) {
    self.eventId = eventId
    self.organizerId = organizerId
    title = details.title
    description = details.description
    date = details.date
    location = details.location
    totalTickets = details.totalTickets
    self.ticketsSold = ticketsSold
    self.createdAt = createdAt
    updatedAt = createdAt
  }

  /// What its organizer says about it.
  package var details: EventDetails {
    get {
      EventDetails(
        title: title, description: description, date: date, location: location, totalTickets: totalTickets)
    }
    set {
      title = newValue.title
      description = newValue.description
      date = newValue.date
      location = newValue.location
      totalTickets = newValue.totalTickets
    }
  }
}

/// What an organizer says about an event.
package struct EventDetails: Sendable, Equatable {
  package var title: String
  package var description: String
  package var date: Date
  package var location: String
  package var totalTickets: Int

  package init(title: String, description: String, date: Date, location: String, totalTickets: Int) {
    self.title = title
    self.description = description
    self.date = date
    self.location = location
    self.totalTickets = totalTickets
  }
}

/// An event as a request describes it: for a change, what is left out stays.
package struct EventDraft: Decodable, Sendable {
  package var title: String?
  package var description: String?
  /// In ISO 8601.
  package var date: String?
  package var location: String?
  package var totalTickets: Int?
}
