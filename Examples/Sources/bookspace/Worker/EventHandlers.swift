internal import Foundation
internal import GRDB
internal import Logging
internal import Warren
internal import WarrenGRDB

/// What is done about an event: a user is notified, the document is indexed, the event is counted.
///
/// An event may come more than once. The inbox does each step once, so a repeat changes nothing, and what a worker began
/// that died half way is continued where it died.
struct EventHandlers: Sendable {
  let store: Store
  let faults: Faults

  func worker(on broker: any Broker, options: Worker.Options = .init(), logger: Logger) throws -> Worker {
    try Worker(broker, name: "bookspace-worker", options: options, logger: logger) {
      Subscription(Layout.notifications, on: Layout.events) {
        On(DocumentCreated.self, created)
        On(DocumentUpdated.self, updated)
        On(CommentAdded.self, commented)
        On(UserRegistered.self, registered)
        On(DocumentDeleted.self, deleted)
        On(CommentDeleted.self, commentDeleted)
        On(UserUpdated.self, userUpdated)
        On(UserDeleted.self, userDeleted)
      }
      .retry(Layout.retry)
    }
  }

  func created(_ event: DocumentCreated, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.title, document: event.documentId) { _ in
      (event.createdBy, "Your document '\(event.title)' has been created")
    }
  }

  func updated(_ event: DocumentUpdated, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.title, document: event.documentId) { _ in
      (event.updatedBy, "Your document '\(event.title)' has been updated")
    }
  }

  func commented(_ event: CommentAdded, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.title) { db in
      let author = try String.fetchOne(
        db, sql: "SELECT createdBy FROM documents WHERE documentId = ?", arguments: [event.documentId])
      guard let author, author != event.createdBy else { return nil }
      return (author, "\(event.createdBy) commented on your document '\(event.title)'")
    }
  }

  func registered(_ event: UserRegistered, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.name) { _ in
      (event.userId, "Welcome to BookSpace, \(event.name)")
    }
  }

  func deleted(_ event: DocumentDeleted, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.title, document: event.documentId) { _ in
      (event.deletedBy, "Your document '\(event.title)' has been deleted")
    }
  }

  func commentDeleted(_ event: CommentDeleted, _ context: HandlerContext) async throws {
    try await process(event, context, title: "") { _ in nil }
  }

  func userUpdated(_ event: UserUpdated, _ context: HandlerContext) async throws {
    try await process(event, context, title: event.name) { _ in (event.userId, "Your profile has been updated") }
  }

  /// A user who left is told nothing, and what the user was told is forgotten.
  func userDeleted(_ event: UserDeleted, _ context: HandlerContext) async throws {
    try await process(event, context, title: "") { db in
      try Store.forget(event.userId, db)
      return nil
    }
  }

  /// The three steps. `notice` says who is told what, if a user is.
  private func process<E: EventMessage>(
    _ event: E, _ context: HandlerContext, title: String, document: String? = nil,
    notice: @escaping @Sendable (Database) throws -> (user: String, message: String)?
  ) async throws {
    context.logger.info("Processing \(E.name) event")
    let inbox = store.inbox
    let time = context.message.timestamp ?? .now
    try await inbox.once(context, "notify") { db in
      guard let id = context.message.id, let (user, message) = try notice(db) else { return }
      try Notification(
        notificationId: id.rawValue, userId: user, type: E.name.rawValue, message: message, createdAt: time
      ).insert(db)
    }
    // Half done is the hardest moment to fail or die in, so that is where it can be asked for.
    try await faults.strike(E.name, title: title, context.logger)
    if let document { try await inbox.once(context, "index") { db in try Store.index(document, db) } }
    try await inbox.once(context, "count") { db in
      try Store.count(E.name.rawValue, on: time.formatted(.iso8601.year().month().day()), db)
    }
    context.logger.info("Event processed")
  }
}
