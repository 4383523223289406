internal import Foundation
internal import GRDB
internal import Logging
internal import Warren

/// What is done about an event: a user is notified, the document is indexed, the event is counted.
///
/// An event may come more than once. Each step marks in its own transaction that it is done, so a repeat changes nothing,
/// and a worker that died half way is continued where it died.
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

  /// The three steps. `notice` says who is told what, if a user is.
  private func process<E: EventMessage>(
    _ event: E, _ context: HandlerContext, title: String, document: String? = nil,
    notice: @escaping @Sendable (Database) throws -> (user: String, message: String)?
  ) async throws {
    context.logger.info("Processing \(E.name) event")
    guard let id = context.message.id else {
      throw Outcome.deadLetter("the event has no message id, so a repeat of it could not be told from another")
    }
    let time = context.message.timestamp ?? .now
    let isNew = try await store.once(id, .notify) { db in
      guard let (user, message) = try notice(db) else { return }
      try Notification(
        notificationId: id.rawValue, userId: user, type: E.name.rawValue, message: message, createdAt: time
      ).insert(db)
    }
    // Half done is the hardest moment to fail or die in, so that is where it can be asked for.
    try await faults.strike(E.name, title: title, context.logger)
    if let document { try await store.once(id, .index) { db in try Store.index(document, db) } }
    try await store.once(id, .count) { db in
      try Store.count(E.name.rawValue, on: time.formatted(.iso8601.year().month().day()), db)
    }
    context.logger.info("Event processed", metadata: isNew ? [:] : ["notified": "before"])
  }
}
