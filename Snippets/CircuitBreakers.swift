// The article on circuit breakers: work that waits while what it needs is down.
import Foundation
import GRDB
import Logging
import ServiceLifecycle
import Warren
import WarrenGRDB
import WarrenRabbitMQ
import WarrenSQLite

struct SendMail: JobMessage {
  static let name: MessageName = "mail.send"
  static let queue: Queue = "mails"
  var to: String
}

struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"
  var email: String
}

struct MailServerAway: Error {}

struct Mailer: Sendable {
  func send(_ mail: SendMail) async throws { print("to \(mail.to)") }
}

let mailer = Mailer()

func confirmation(of event: BookingCreated) -> SendMail { SendMail(to: event.email) }

let broker = try SQLiteBroker(path: "broker.db")

let worker = try Worker(broker, name: "notifications") {
  On(SendMail.self) { job, context in try await mailer.send(job) }
    .breaker("mail-server")
}

try await ServiceGroup(
  services: [broker, worker], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "notifications")
).run()

func withRule() throws -> Worker {
  try Worker(broker, name: "bookings") {
    Subscription("notification.booking", on: "shop", to: "booking.*") {
      On(BookingCreated.self) { event, context in try await mailer.send(confirmation(of: event)) }
    }
    .breaker("mail-server", BreakerRule(failures: 0.8, of: 20, within: .seconds(120), pause: .seconds(30), probes: 3))
  }
}

func withErrors() throws -> Worker {
  try Worker(broker, name: "mails") {
    On(SendMail.self) { job, context in try await mailer.send(job) }
      .breaker("mail-server", failsOn: { $0 is MailServerAway })
  }
}

func onRabbitMQ(_ database: DatabasePool) async throws {
  let broker = try RabbitMQBroker(url: "amqp://localhost")

  var options = Worker.Options()
  options.store = DatabaseStore(database)
  let worker = try Worker(broker, name: "notifications", options: options) {
    On(SendMail.self) { job, context in try await mailer.send(job) }
      .breaker("mail-server")
  }
  try await worker.run()
}

func operate() async throws {
  let breakers = Breakers(broker)
  for breaker in try await breakers.all() { print(breaker.dependency, breaker.error) }
  try await breakers.reset("mail-server")
}
