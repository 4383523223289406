package import EventBookingModel
internal import EventBookingRepositories
internal import ExampleSupport
package import Foundation

/// What an event may be, and who may change it.
package struct EventModule: Sendable {
  let repositories: Repositories

  /// How many tickets an event may have.
  package static let tickets = 1...1_000_000

  package func list(_ page: Page) async throws -> [Event] {
    try await repositories.read { try $0.events.list(limit: page.limit, offset: page.offset) }
  }

  package func find(_ id: String) async throws -> Event {
    try await repositories.read { try Self.required(id, try $0.events.find(id)) }
  }

  package func find(_ id: String, _ work: Work) throws -> Event {
    try Self.required(id, try work.transaction.events.find(id))
  }

  /// The event, if it is this organizer's.
  package func own(_ id: String, of organizer: String, _ work: Work) throws -> Event {
    let event = try find(id, work)
    guard event.organizerId == organizer else {
      throw APIError.forbidden("this event is another organizer's: only its own organizer may change it")
    }
    return event
  }

  package func create(_ draft: EventDraft, organizer: String, now: Date, _ work: Work) throws -> Event {
    let event = Event(
      eventId: UUID().uuidString.lowercased(), organizerId: organizer, details: try draft.details(now: now),
      createdAt: now)
    try work.transaction.events.add(event)
    return event
  }

  /// Changes an event. Returns it, and whether anything is different.
  package func change(_ event: Event, by draft: EventDraft, now: Date, _ work: Work) throws -> (Event, Bool) {
    var changed = event
    changed.details = try draft.details(changing: event.details, now: now)
    if changed.totalTickets < event.ticketsSold {
      throw APIError.conflict(
        "tickets_sold", "totalTickets: \(event.ticketsSold) are sold already, so it cannot be \(changed.totalTickets)")
    }
    if changed == event { return (event, false) }
    changed.updatedAt = now
    try work.transaction.events.save(changed)
    return (changed, true)
  }

  /// Deletes an event. Its bookings end, and its customers are to be told.
  package func delete(_ event: Event, now: Date, _ work: Work) throws {
    var event = event
    event.deletedAt = now
    try work.transaction.events.save(event)
    try work.transaction.bookings.eventWasDeleted(event.eventId)
  }

  private static func required(_ id: String, _ event: Event?) throws -> Event {
    guard let event else { throw APIError.notFound("event", id) }
    return event
  }
}
