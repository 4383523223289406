// bookspace.md, "Event Flow": what the document service publishes, how often the worker tries, and where it goes in the end.
// WARREN_BROKER=sqlite:broker.db swift run --package-path Examples BookSpaceEvents
import Foundation
import Logging
import ServiceLifecycle
import Warren
import WarrenConnect

/// On the wire it is `{"type": "document.created", "timestamp": …, "data": {…}}`.
struct DocumentCreated: EventMessage {
  static let name: MessageName = "document.created"
  var documentId: String
  var title: String
  var createdBy: String
  var tags: [String]
}

struct IndexIsAway: Error {}

let address = ProcessInfo.processInfo.environment["WARREN_BROKER"] ?? "amqp://admin:admin123@localhost"
let logger = Logger(label: "worker")
let broker = try BrokerAddress(address).open(logger: logger)

let worker = try Worker(broker, name: "worker", logger: logger) {
  Subscription(
    Queue("bookspace.notifications", deadLetter: .exchange("bookspace.events.dlx", key: "bookspace.events.dlq")),
    on: .fanout("bookspace.events")
  ) {
    On(DocumentCreated.self) { event, context in
      // The body as it came.
      if context.attempt == 1 { print(String(decoding: context.message.body, as: UTF8.self)) }
      guard event.title.contains("[fail]") else { return say("Your document '\(event.title)' has been created") }
      say("Attempt \(context.attempt): Fail")
      throw IndexIsAway()
    }
  }
  .retry(.exponential(from: .seconds(1), retries: 3))  // after 1, 2 and 4 s, then to the dead letters
}
let bus = EventBus(broker, exchange: .fanout("bookspace.events"), source: "document-service", topology: worker.topology)

struct DocumentService: Service {
  func run() async throws {
    for title in ["API Guide", "API Guide [fail]"] {
      try await bus.publish(
        DocumentCreated(documentId: "doc123", title: title, createdBy: "user123", tags: ["api", "guide"]))
    }
    try await gracefulShutdown()
  }
}

try await ServiceGroup(
  services: [broker, worker, DocumentService()], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
).run()

func say(_ text: String) {
  print(text)
  fflush(nil)
}
