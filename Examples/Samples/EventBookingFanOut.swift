// event-booking.md, "Email Fan-out Pattern": one `eventUpdate` becomes one `sendIndividualEmail` for each customer who booked,
// so that one failing address blocks and repeats no other.
// WARREN_BROKER=sqlite:broker.db swift run --package-path Examples EventBookingFanOut
import Foundation
import Logging
import ServiceLifecycle
import Warren
import WarrenConnect

struct EventUpdate: JobMessage {
  static let name: MessageName = "eventUpdate"
  static let queue: Queue = "emailQueue"
  static let codec: any MessageCodec = .plain
  var eventId: String
  var eventTitle: String
}

struct SendIndividualEmail: JobMessage {
  static let name: MessageName = "sendIndividualEmail"
  static let queue: Queue = "emailQueue"
  static let codec: any MessageCodec = .plain
  var email: String
  var eventTitle: String
  var type: String
}

let address = ProcessInfo.processInfo.environment["WARREN_BROKER"] ?? "amqp://localhost"
let logger = Logger(label: "emailWorker")
let broker = try BrokerAddress(address).open(logger: logger)
let bus = EventBus(broker, source: "event-booking", topology: try Topology(jobs: [EventUpdate.self]))
let customers = ["vera@example.org", "no such address", "ada@example.org"]

let worker = try Worker(broker, name: "emailWorker", logger: logger) {
  On(EventUpdate.self) { update, context in
    // An id of update and customer: what is repeated after a crash in the middle is the same job, not a second mail.
    let id = context.message.id ?? MessageID(update.eventId)
    _ = try await bus.enqueue(
      customers.map { customer in
        JobRequest(
          SendIndividualEmail(email: customer, eventTitle: update.eventTitle, type: "eventUpdate"),
          id: MessageID("\(id):\(customer)"))
      })
  }
  On(SendIndividualEmail.self) { mail, _ in
    guard mail.email.contains("@") else { throw Outcome.deadLetter("no address: \(mail.email)") }
    print("\(mail.email): \(mail.eventTitle) has changed")
    fflush(nil)
  }
}

struct Organizer: Service {
  func run() async throws {
    try await bus.enqueue(EventUpdate(eventId: "event-7", eventTitle: "Swift Night"))
    try await gracefulShutdown()
  }
}

try await ServiceGroup(
  services: [broker, worker, Organizer()], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
).run()
