import Foundation
import GRDB
import Logging
import Testing
import Warren
import WarrenGRDB
import WarrenSQLite

private struct Report: JobMessage {
  static let name: MessageName = "report"
  static let queue: Queue = "mail"
}

extension SeededBroker {
  /// Lets a scheduler run on it, with the schedules `books/clean` and `books/report`.
  func schedule() async throws {
    try await open { try await runUntilKnown($0, store: $0) }
  }
}

private func scheduler(_ broker: SQLiteBroker, store: (any StateStore)?) throws -> Scheduler {
  try Scheduler(
    EventBus(broker, source: "books"), store: store, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
  ) {
    Schedule("report", .cron("0 6 29 2 *", in: "Europe/Berlin")) { Report() }
    Schedule("clean", .every(.seconds(86_400 * 365))) { Report() }
  }
}

/// Runs a scheduler until the store has its schedules.
private func runUntilKnown(_ broker: SQLiteBroker, store: any StateStore) async throws {
  let watched = WatchedStore(base: store)
  let scheduler = try scheduler(broker, store: watched)
  let work = Task { try await scheduler.run() }
  defer { work.cancel() }
  await watched.keys.wait { $0.count == 2 }
}

/// `warren schedule`.
@Suite struct ScheduleTests {
  @Test func listsThemWithTheirNextTimes() async throws {
    let broker = try await SeededBroker()
    try await broker.schedule()
    let run = try await broker.run("schedule", "ls")
    #expect(run.status == 0 && run.rows.map { $0[0] } == ["books/clean", "books/report"])
    #expect(run.rows[1][1] == "0 6 29 2 * in Europe/Berlin" && run.rows[1][2].hasPrefix("2028-02-29T05:00:00"))
    let json: [[String: Any]] = try await broker.run("schedule", "ls", "--json").json()
    #expect(json[1]["job"] as? String == "report" && json[1]["isPaused"] as? Bool == false)
    let next = try await broker.run("schedule", "next", "report", "--limit", "2")
    #expect(next.output == "2028-02-29T05:00:00.000Z\n2032-02-29T05:00:00.000Z\n", "\(next.output)")
  }

  @Test func pausesResumesAndRuns() async throws {
    let broker = try await SeededBroker()
    try await broker.schedule()
    #expect(try await broker.run("schedule", "pause", "report").output == "paused books/report\n")
    #expect(try await broker.run("schedule", "ls").rows[1].contains("paused"))
    #expect(try await broker.run("schedule", "resume", "books/report").output == "resumed books/report\n")
    let audit = try await broker.run("audit", "ls", "--columns", "action,stage,filter")
    #expect(audit.rows.first == ["schedule.pause", "begins", "report"], "\(audit.output)")
    let asked = try await broker.run("schedule", "run", "report")
    #expect(asked.status == 0 && asked.output.hasPrefix("schedule:books/report@"))
    try await broker.open { opened in
      let scheduler = try scheduler(opened, store: nil)
      let work = Task { try await scheduler.run() }
      defer { work.cancel() }
      // It goes back to the queue.
      try await opened.consume("mail", prefetch: 1) { _ = await $0.next() }
    }
    #expect(try await broker.messages(1).map { "\($0.message.id ?? "")\n" } == [asked.output])
  }

  @Test func aStoreBesideTheBroker() async throws {
    let broker = try await SeededBroker()
    let path = broker.directory.appendingPathComponent("app.db").path
    let database = try DatabaseQueue(path: path)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    try migrator.migrate(database)
    let store = DatabaseStore(database)
    try await broker.open { try await runUntilKnown($0, store: store) }
    #expect(try await warren(["schedule", "ls", "--store", "sqlite:\(path)"]).rows.count == 2)
    #expect(try await warren(["schedule", "ls"], environment: ["WARREN_STORE": "sqlite:\(path)"]).rows.count == 2)
    #expect(try await broker.run("schedule", "ls").rows.isEmpty, "the broker is another store")
    let wrong = try await warren(["schedule", "ls", "--store", "amqp://localhost"])
    #expect(wrong.status == 1 && wrong.errors.contains("cannot be a store"))
    #expect(try await warren(["schedule", "ls", "--store", "sqlite:\(path)x"]).status == 5)
  }

  @Test func whatIsNotThereIsSaid() async throws {
    let broker = try await SeededBroker()
    try await broker.schedule()
    let none = try await broker.run("schedule", "pause", "other")
    #expect(none.status == 4 && none.errors.contains("books/report") && none.errors.contains("`warren schedule ls`"))
    let nothing = try await SeededBroker().run("schedule", "ls")
    #expect(nothing.status == 0 && nothing.output.isEmpty && nothing.errors.contains("no schedules"))
  }
}
