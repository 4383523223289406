// A queue of tasks, for those who know amqplib: connect, publishToQueue and consumeQueue have a line each.
import Logging
import ServiceLifecycle
import Warren
import WarrenConnect

struct Email: JobMessage {
  static let name: MessageName = "EMAIL"
  static let queue: Queue = "email_queue"
  var to: String
  var template: String
}

let logger = Logger(label: "email-worker")
let broker = try BrokerAddress("sqlite:broker.db").open(logger: logger)
let worker = try Worker(broker, name: "email-worker") { On(Email.self) { email, _ in try await send(email) } }
let bus = EventBus(broker, source: "api", topology: worker.topology)

func register(_ address: String) async throws {
  try await bus.enqueue(Email(to: address, template: "welcome"))
}

try await ServiceGroup(services: [broker, worker], gracefulShutdownSignals: [.sigterm], logger: logger).run()

func send(_ email: Email) async throws {
  print("To \(email.to): \(email.template)")
}
