// The example of the README: one service that publishes, and a worker.
import Logging
import ServiceLifecycle
import Warren
import WarrenSQLite

struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"  // also the routing key
  var bookingID: String
  var seats: [String]
}

struct SendEmail: JobMessage {
  static let name: MessageName = "email.send"
  static let queue: Queue = "email_queue"
  static let retry: RetryPolicy = .exponential(from: .seconds(1), retries: 3)
  var to: String
  var template: String
}

let broker = try SQLiteBroker(path: "broker.db")
let worker = try Worker(broker, name: "notifications") {
  Subscription("notification.booking", on: "tutorgo_events", to: "booking.*") {
    On(BookingCreated.self) { event, context in
      context.logger.info("Seats taken", metadata: ["seats": "\(event.seats)"])
    }
  }
  .retry(.exponential(from: .seconds(2), retries: 3))
  .prefetch(5)
  .deadLetter(.exchange("tutorgo_dlx", key: "notification.booking.dead"))

  On(SendEmail.self) { job, context in try await send(job) }.concurrency(10)
}

// With the topology nothing is published before the queues that it is for are there.
let bus = EventBus(
  broker, exchange: .topic("tutorgo_events"), source: "bookings", topology: worker.topology)

func book(_ id: String, seats: [String], for address: String) async throws {
  try await bus.publish(BookingCreated(bookingID: id, seats: seats))
  try await bus.enqueue(
    SendEmail(to: address, template: "reminder"), unique: .key("reminder-\(id)"), after: .seconds(86_400))
}

try await ServiceGroup(
  services: [broker, worker], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "bookings")
).run()

func send(_ job: SendEmail) async throws {
  print("To \(job.to): \(job.template)")
}
