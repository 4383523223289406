internal import Accounts
package import EventBookingAppModules
internal import EventBookingModel
internal import ExampleSupport
internal import Foundation
package import Hummingbird

/// Requests about events.
package struct EventController: Sendable {
  private let events: EventAppModule
  package init(_ events: EventAppModule) { self.events = events }

  private struct Shown: Encodable {
    var eventId: String
    var organizerId: String
    var title: String
    var description: String
    var date: Date
    var location: String
    var totalTickets: Int
    var ticketsSold: Int
    var createdAt: Date
    var updatedAt: Date

    init(_ event: Event) {
      eventId = event.eventId
      organizerId = event.organizerId
      title = event.title
      description = event.description
      date = event.date
      location = event.location
      totalTickets = event.totalTickets
      ticketsSold = event.ticketsSold
      createdAt = event.createdAt
      updatedAt = event.updatedAt
    }
  }
  private struct Deleted: Encodable {
    var eventId: String
    var deleted = true
  }

  package func list(_ request: Request) async throws -> Response {
    let page = try Page(request)
    return .json(["events": try await events.list(page).map(Shown.init)])
  }

  package func show(_ id: String) async throws -> Response { .json(Shown(try await events.find(id))) }

  package func create(_ request: Request) async throws -> Response {
    let event = try await events.create(try await draft(request), organizer: try CurrentCaller.required().id)
    return .json(Shown(event), status: .created)
  }

  package func change(_ id: String, _ request: Request) async throws -> Response {
    let draft = try await draft(request)
    return .json(Shown(try await events.change(id, by: draft, organizer: try CurrentCaller.required().id)))
  }

  package func delete(_ id: String) async throws -> Response {
    try await events.delete(id, organizer: try CurrentCaller.required().id)
    return .json(Deleted(eventId: id))
  }

  private func draft(_ request: Request) async throws -> EventDraft {
    try await request.json(EventDraft.self, hint: "a description has 5,000 characters at most")
  }
}
