internal import Logging
internal import Warren

/// Publishes what has happened, after it has happened.
struct Announcer: Sendable {
  let bus: EventBus
  let engine: String
  let logger: Logger

  /// Publishes an event about what is committed already.
  ///
  /// The commit and this are two steps: a process that dies between them, or a broker that is away for longer than
  /// `publish` waits, leaves a document without its event. An outbox, which stores the event in the document's own
  /// transaction, closes that gap; until then the caller still gets its answer, and the log says what is missing.
  func announce<E: EventMessage>(_ event: E, about id: String) async {
    let metadata: Logger.Metadata = ["id": "\(id)"]
    do {
      let result = try await bus.publish(event)
      if result.isStored {
        logger.info("\(E.name) event published", metadata: metadata)
      } else {
        logger.error("\(E.name) event reached no queue", metadata: metadata)
      }
    } catch let error as BrokerError where error.isRetryable {
      logger.error(
        "Not connected to \(engine)", metadata: metadata.merging(["event": "\(E.name)", "error": "\(error)"]) { $1 })
    } catch {
      logger.error("\(E.name) event not published", metadata: metadata.merging(["error": "\(error)"]) { $1 })
    }
  }
}
