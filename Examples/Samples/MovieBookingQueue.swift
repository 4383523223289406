// movie-booking.md, "Implementation Steps": connect, publishToQueue and consumeQueue, with the document's two messages.
// WARREN_BROKER=sqlite:broker.db swift run --package-path Examples MovieBookingQueue
import Foundation
import Logging
import ServiceLifecycle
import Warren
import WarrenConnect

/// `{"type": "OTP", "template": "otp", "data": {…}}`, without an envelope around it.
struct CodeMail: JobMessage {
  static let name: MessageName = "OTP"
  static let queue: Queue = "email_queue"
  static let codec: any MessageCodec = .plain
  var type = "OTP"
  var template = "otp"
  var data: [String: String]
}

/// `{"type": "EMAIL", "template": "booking_confirmation", "data": {…}}`.
struct Email: JobMessage {
  static let name: MessageName = "EMAIL"
  static let queue: Queue = "email_queue"
  static let codec: any MessageCodec = .plain
  var type = "EMAIL"
  var template: String
  var data: [String: String]
}

// connect()
let address = ProcessInfo.processInfo.environment["WARREN_BROKER"] ?? "amqp://localhost"
let logger = Logger(label: "email-worker")
let broker = try BrokerAddress(address).open(logger: logger)

// consumeQueue('email_queue', …): a handler that returns has acknowledged, one that throws is tried again
let worker = try Worker(broker, name: "email-worker", logger: logger) {
  On(CodeMail.self) { mail, _ in sendEmail(mail.template, mail.data) }
  On(Email.self) { mail, _ in sendEmail(mail.template, mail.data) }
}

// publishToQueue('email_queue', …)
let bus = EventBus(broker, source: "api", topology: worker.topology)

struct Controllers: Service {
  func run() async throws {
    try await bus.enqueue(CodeMail(data: ["to": "ada@example.org", "otp": "471820"]))
    try await bus.enqueue(
      Email(template: "booking_confirmation", data: ["to": "ada@example.org", "movie": "Metropolis"]))
    try await gracefulShutdown()
  }
}

try await ServiceGroup(
  services: [broker, worker, Controllers()], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
).run()

func sendEmail(_ template: String, _ data: [String: String]) {
  print("Sending \(template) to \(data["to"] ?? "")")
  fflush(nil)
}
