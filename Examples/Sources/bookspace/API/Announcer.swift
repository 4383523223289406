internal import ExampleSupport
internal import Logging
internal import Warren

/// Publishes what has happened, after it has happened.
struct Announcer: Sendable {
  let bus: EventBus
  let engine: String
  let logger: Logger

  /// Publishes an event about what is committed already, and throws a 503 where that fails: a success would promise that
  /// the event is handled.
  ///
  /// The commit and this are two steps. A process that dies between them leaves a document without its event, and so does a
  /// broker that is away for longer than `publish` waits, which the caller then learns. An outbox, which stores the event in
  /// the document's own transaction, closes that gap.
  ///
  /// - Parameters:
  ///   - thing: what is saved, with its id: `the document 'd1'`.
  ///   - next: what the caller can do to have it published after all.
  func announce<E: EventMessage>(_ event: E, _ thing: String, id: String, next: String) async throws {
    let metadata: Logger.Metadata = ["id": "\(id)"]
    do {
      if try await bus.publish(event).isStored {
        return logger.info("\(E.name) event published", metadata: metadata)
      }
      logger.error("\(E.name) event reached no queue", metadata: metadata)
    } catch let error as BrokerError where error.isRetryable {
      logger.error(
        "Not connected to \(engine)", metadata: metadata.merging(["event": "\(E.name)", "error": "\(error)"]) { $1 })
    } catch {
      logger.error("\(E.name) event not published", metadata: metadata.merging(["error": "\(error)"]) { $1 })
    }
    throw APIError.unavailable(
      "event_not_published",
      "\(thing) is saved, but its event could not be published, so nothing else happens about it yet: \(next)")
  }
}
