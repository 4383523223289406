// The article on schedules: jobs that come again and again, on either engine.
import Foundation
import GRDB
import Logging
import ServiceLifecycle
import Warren
import WarrenGRDB
import WarrenRabbitMQ
import WarrenSQLite

struct SendReport: JobMessage {
  static let name: MessageName = "report.send"
  static let queue: Queue = "reports"
}

struct RemoveOldFiles: JobMessage {
  static let name: MessageName = "files.remove"
  static let queue: Queue = "files"
  var before: Date
}

let broker = try SQLiteBroker(path: "broker.db")
let worker = try Worker(broker, name: "office") {
  On(SendReport.self) { job, context in print("the report") }
  On(RemoveOldFiles.self) { job, context in print("files before \(job.before)") }
}
let bus = EventBus(broker, source: "office", topology: worker.topology)

let scheduler = try Scheduler(bus) {
  Schedule("report", .cron("0 6 * * 1-5", in: "Europe/Berlin")) { SendReport() }
  Schedule("clean", .every(.seconds(300)), missed: .skip) { tick in RemoveOldFiles(before: tick) }
}

try await ServiceGroup(
  services: [broker, scheduler, worker], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "office")
).run()

func onRabbitMQ() async throws {
  let broker = try RabbitMQBroker(url: "amqp://localhost")
  let bus = EventBus(broker, source: "office", topology: worker.topology)

  let database = try DatabasePool(path: "office.db")
  var migrator = DatabaseMigrator()
  migrator.registerWarrenTables()
  try migrator.migrate(database)

  let scheduler = try Scheduler(bus, store: DatabaseStore(database)) {
    Schedule("report", .cron("0 6 * * 1-5", in: "Europe/Berlin")) { SendReport() }
  }
  try await scheduler.run()
}

func operate() async throws {
  let schedules = Schedules(broker)
  try await schedules.pause("report")
  try await schedules.run("clean")
  for schedule in try await schedules.all() {
    print(schedule.name, schedule.next ?? "paused")
  }
}

func preview() throws {
  let times = try Recurrence.cron("30 2 * * *", in: "Europe/Berlin").next(10, after: Date())
  print(times)
}
