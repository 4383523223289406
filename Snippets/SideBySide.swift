// For those who come from another library: one task, of which the article shows theirs beside ours.
import Logging
import ServiceLifecycle
import Warren
import WarrenSQLite

struct SendEmail: JobMessage {
  static let name: MessageName = "send-email"
  static let queue: Queue = "emails"
  static let retry: RetryPolicy = .exponential(from: .seconds(2), retries: 3)
  var to: String
}

let broker = try SQLiteBroker(path: "broker.db")
let worker = try Worker(broker, name: "emails") {
  On(SendEmail.self) { email, context in try await mail(email.to) }.concurrency(5)
}
let bus = EventBus(broker, source: "api", topology: worker.topology)

func remind(_ address: String) async throws {
  try await bus.enqueue(SendEmail(to: address), after: .seconds(3600))
}

let scheduler = try Scheduler(bus) {
  Schedule("newsletter", .cron("0 6 * * 1", in: "Europe/Berlin")) { SendEmail(to: "all@example.org") }
}
try await ServiceGroup(
  services: [broker, scheduler, worker], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "emails")
).run()

func mail(_ address: String) async throws { print("To \(address)") }
