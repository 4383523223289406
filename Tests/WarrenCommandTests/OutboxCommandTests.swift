import Foundation
import GRDB
import Testing
import Warren
import WarrenGRDB

private struct Booked: EventMessage {
  static let name: MessageName = "booking.created"
  var number: Int
}

/// `warren outbox`, on an application's database that no process relays.
@Suite("warren outbox") struct OutboxCommandTests {
  private let seeded: SeededBroker
  private let database: DatabaseQueue
  private var path: String { database.path }

  init() async throws {
    seeded = try await SeededBroker()
    database = try DatabaseQueue(path: seeded.directory.appendingPathComponent("app.db").path)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    try migrator.migrate(database)
  }

  private func book(_ ids: MessageID...) throws {
    let outbox = Outbox(database, MessageComposer(source: "app", exchange: .topic("bookings")))
    try database.write { db in for id in ids { try outbox.publish(Booked(number: 1), id: id, in: db) } }
  }

  private func fail(_ id: MessageID) throws {
    try database.write {
      try $0.execute(
        sql: "UPDATE warren_outbox SET attempts = 3, next_try = 4102444800000, error = 'refused' WHERE id = ?",
        arguments: [id.rawValue])
    }
  }

  private func outbox(_ arguments: String...) async throws -> CommandRun {
    try await warren(
      ["outbox"] + arguments,
      environment: ["WARREN_OUTBOX": "sqlite:\(path)", "WARREN_AUDIT": seeded.directory.path + "/audit.jsonl"])
  }

  @Test("nothing waits: 0") func empty() async throws {
    let status = try await outbox("status")
    #expect(status.status == 0 && status.rows.first == ["waiting", "0"], "\(status.output)")
    let list = try await outbox("ls")
    #expect(list.status == 0 && list.output.isEmpty && list.errors.contains("all was published"))
    #expect(try await outbox("ls", "--json").json([Any].self).isEmpty)
  }

  @Test("what waits and what hangs is listed, and the status is 1") func list() async throws {
    try book("a", "b", "c")
    try fail("b")
    let all = try await outbox("ls")
    #expect(all.rows.map { $0[0] } == ["a", "b", "c"] && all.rows[0][2] == "bookings", "\(all.output)")
    let failing = try await outbox("ls", "--failing")
    #expect(failing.rows.map { $0[0] } == ["b"] && failing.rows[0].last == "refused", "\(failing.output)")
    #expect(try await outbox("ls", "--limit", "1").rows.count == 1)
    let status = try await outbox("status", "--json")
    let shown: [String: Any] = try status.json()
    #expect(status.status == 1 && shown["waiting"] as? Int == 3 && shown["failing"] as? Int == 1, "\(status.output)")
    #expect(shown["isRelayed"] as? Bool == false)
  }

  @Test("what failed is tried at once, and the audit says who did it") func retry() async throws {
    try book("a")
    try fail("a")
    let retried = try await outbox("retry")
    #expect(retried.output == "1 retried\n" && retried.errors.contains("no process relays"), "\(retried.errors)")
    let next = try await database.read { try Int.fetchOne($0, sql: "SELECT next_try FROM warren_outbox") }
    #expect(next == 0)
    let audit = try String(contentsOfFile: seeded.directory.path + "/audit.jsonl", encoding: .utf8)
    #expect(audit.contains("outbox.retry") && audit.contains("\"done\""), "\(audit)")
  }

  @Test("a message is discarded after a question; one that is not there is 4") func discard() async throws {
    try book("a", "b")
    let asked = try await outbox("discard", "a")
    #expect(asked.status == 2 && asked.errors.contains("--yes"), "\(asked.errors)")
    #expect(try await outbox("discard", "a", "--yes").output == "discarded a\n")
    #expect(try await outbox("ls").rows.map { $0[0] } == ["b"])
    let gone = try await outbox("discard", "a", "--yes")
    #expect(gone.status == 4 && gone.errors.contains("`warren outbox ls`"), "\(gone.errors)")
  }

  @Test("no outbox is named, or there is none at this place") func places() async throws {
    let none = try await warren(["outbox", "status"])
    #expect(none.status == 2 && none.errors.contains("--database sqlite:PATH"), "\(none.errors)")
    let missing = try await warren(["outbox", "ls", "--database", "sqlite:\(path)x"])
    #expect(missing.status == 5 && missing.errors.contains("there is no database"), "\(missing.errors)")
    #expect(!FileManager.default.fileExists(atPath: path + "x"))
    let broker = try await warren(["outbox", "ls", "--database", seeded.address])
    #expect(broker.status == 4 && broker.errors.contains("has no outbox"), "\(broker.errors)")
    let rabbit = try await warren(["outbox", "ls", "--database", "amqp://localhost"])
    #expect(rabbit.status == 1 && rabbit.errors.contains("cannot be an outbox"), "\(rabbit.errors)")
  }
}
