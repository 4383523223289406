package import EventBookingModel
package import EventBookingModules
internal import Foundation

/// Events, and that their customers are told of changes.
package struct EventAppModule: Sendable {
  private let modules: Modules
  package init(_ modules: Modules) { self.modules = modules }

  package func list(_ page: Page) async throws -> [Event] { try await modules.events.list(page) }
  package func find(_ id: String) async throws -> Event { try await modules.events.find(id) }

  package func create(_ draft: EventDraft, organizer: String) async throws -> Event {
    try await modules.atomically { work in
      try modules.events.create(draft, organizer: organizer, now: .now, work)
    }
  }

  /// Changes an event and enqueues the job that tells its customers, as one transaction. What changes nothing tells nothing.
  package func change(_ id: String, by draft: EventDraft, organizer: String) async throws -> Event {
    try await modules.atomically { work in
      let event = try modules.events.own(id, of: organizer, work)
      let (changed, isDifferent) = try modules.events.change(event, by: draft, now: .now, work)
      if isDifferent { try modules.updates.announceChange(of: changed, work) }
      return changed
    }
  }

  /// Deletes an event and enqueues the job that tells its customers, as one transaction.
  package func delete(_ id: String, organizer: String) async throws {
    try await modules.atomically { work in
      let event = try modules.events.own(id, of: organizer, work)
      try modules.events.delete(event, now: .now, work)
      try modules.updates.announceDeletion(of: event, work)
    }
  }
}
