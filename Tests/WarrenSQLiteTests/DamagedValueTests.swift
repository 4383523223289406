import BrokerConformance
import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

/// A value that a foreign hand has left in any column of any table ends no process and stops no other queue.
@Suite(.serialized) struct DamagedValueTests {
  /// Of another kind than any column, and at the ends of what a number can be.
  private static let values = [
    "'abc'", "x'ff00fe'", "9223372036854775807", "-9223372036854775808", "1e300",
  ]
  /// Every table that a file can have, SQLite's own too.
  private static func tables() throws -> [String] {
    try SQLiteBroker.inMemory().file.database.write { database in
      for table in AddedTable.allCases { try table.make(in: database) }
      return try String.fetchAll(database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    }
  }

  /// A broker in memory that has a row in every table.
  private func withRows(_ body: @Sendable (SQLiteBroker) async throws -> Void) async throws {
    var configuration = SQLiteConfiguration()
    // Where nothing can be written any more, it is not waited for.
    configuration.stopDeadline = .milliseconds(20)
    try await SQLiteBroker.inMemory(configuration: configuration).withBroker { broker in
      try await broker.apply(
        Topology(
          exchanges: ["e"], queues: ["q", Queue("limited", timeToLive: .seconds(1 << 30))],
          bindings: [Binding("q", to: "e", key: "k")]))
      for table in AddedTable.allCases { try await broker.file.database.write { try table.make(in: $0) } }
      try await broker.put("parked", to: "q")
      try await broker.park("q")
      var late = message("late")
      late.expiresAt = Date() + 86_400
      late.headers = ["a": "b"]
      let unique = Uniqueness.key("u")
      _ = try await broker.publish([
        Publication(late, to: .queue("q"), notBefore: Date() + 3600, unique: unique),
        Publication(message("held"), to: .queue("q")), Publication(message("waits"), to: .queue("limited")),
      ])
      let queue = try await broker.number(of: "q")
      try await broker.execute(
        "INSERT INTO worker (id, file, device, inode, name, since) VALUES (77, 'x', 1, 1, 'w', 0)",
        "INSERT INTO worker_queue VALUES (77, \(queue), 1)",
        "INSERT INTO running SELECT seq, queue, 77, 1, 0, 0 FROM ready WHERE queue = \(queue)",
        "DELETE FROM ready WHERE queue = \(queue)",
        "UPDATE depth SET ready = 0, running = 1 WHERE queue = \(queue)",
        "INSERT INTO finished VALUES (\(queue), 'k', 4102444800000)",
        "INSERT INTO set_aside VALUES (1, 'ready', \(queue), 9, 1)",
        "INSERT INTO asked_binding VALUES (77, \(queue), 'e', 'k')",
        "UPDATE meta SET topology_version = topology_version + 1, workers_version = workers_version + 1")
      _ = try await broker.write(Data("{}".utf8), to: StoreKey("kind", "name"), replacing: nil, until: Date() + 3600)
      try await broker.record(AuditEntry(time: Date(), actor: "a", action: "queue.pause", stage: .done))
      try await broker.keep(Self.operation("op"))
      try await broker.keep(QueueSample(time: broker.clock.now, depth: 1), ["q": QueueSample(time: broker.clock.now)])
      try await broker.execute(
        """
        INSERT INTO trash (number, seq, deleted_at, total, queue, origin, parking, routing_key, reason, detail, at,
          message_priority, message_body) VALUES (1, 4711, 4102444800000, 1, \(queue), \(queue), 1, '', 'x', '', 1, 1, x'00')
        """)
      try await body(broker)
    }
  }

  private static func operation(_ id: String) -> BulkOperation {
    BulkOperation(
      id: id, action: .replay, selection: .init(), filter: "all", actor: "a", runner: "r", started: Date(), total: 2)
  }

  /// Everything that reads the tables; what it answers and whether it fails does not matter.
  private func useAll(_ broker: SQLiteBroker) async {
    _ = try? await broker.queues()
    _ = try? await broker.workers()
    _ = try? await broker.topology()
    _ = try? await broker.glance()
    _ = try? await broker.deadLetters(.init())
    _ = try? await broker.publish([
      Publication(message("x"), to: .queue("q"), unique: .key("k")), Publication(message("y"), to: .exchange("e", "k")),
    ])
    try? await broker.consume("q", prefetch: 5) { consumer in
      try await broker.writer.perform { _ in }
      let next = Task { await consumer.next() }
      await Task.yield()
      consumer.stop()
      guard let delivery = await next.value else { return }
      _ = try await broker.settle(delivery, as: .retry(at: Date(), delivery.history))
    }
    _ = try? await broker.writer.perform { try $0.recover(worker: 77) }
    _ = try? await broker.writer.perform { try $0.forgetKeys(limit: 10) }
    _ = try? await broker.replay(.init())
    _ = try? await broker.cancel("u", in: "q")
    _ = try? await broker.purge("limited")
    _ = try? await broker.records(of: StoreKind("kind"))
    _ = try? await broker.write(Data(), to: StoreKey("kind", "other"), replacing: nil, until: nil)
    _ = try? await broker.newestAudit(limit: 10)
    _ = try? await broker.audit(after: 0, limit: 10)
    try? await broker.record(AuditEntry(time: Date(), actor: "a", action: "b", stage: .begins))
    _ = try? await broker.bulkOperations(limit: 10)
    _ = try? await broker.takeOver("op", runner: "s")
    _ = try? await broker.advance("op", runner: "s", atMost: 1)
    try? await broker.keep(Self.operation("\(UUID())"))
    _ = try? await broker.samples(of: nil)
    _ = try? await broker.deletedDeadLetters(limit: 10)
    _ = try? await broker.deleteDeadLetters(.init())
    _ = try? await broker.restoreDeadLetters(["@4711"])
    try? await broker.keep(QueueSample(time: broker.clock.now), ["q": QueueSample(time: broker.clock.now)])
  }

  @Test(arguments: try tables())
  func aDamagedValueEndsNoProcess(_ table: String) async throws {
    let columns = try await Self.columns(of: table).map(\.name)
    for (number, column) in columns.enumerated() {
      // Two values a column: an exhaustive run takes minutes.
      let values = [Self.values[number % 5], Self.values[(number + 2) % 5]]
      try await withRows { broker in
        for value in values {
          // What the schema itself refuses cannot be there.
          try? await broker.execute(
            "UPDATE \(table) SET \(column) = \(value)",
            "UPDATE meta SET topology_version = topology_version + 1, workers_version = workers_version + 1")
          await useAll(broker)
        }
        _ = try? await broker.repair()
      }
    }
  }

  private static func columns(of table: String) async throws -> [(name: String, kind: String)] {
    try await SQLiteBroker.inMemory().file.database.write { database in
      for table in AddedTable.allCases { try table.make(in: database) }
      return try Row.fetchAll(database, sql: "PRAGMA table_info(\(table))").map {
        (name: $0["name"], kind: ($0["type"] as String).lowercased())
      }
    }
  }

  @Test func everyTableHasARowHereSoThatItsValuesAreTried() async throws {
    try await withRows { broker in
      for table in try Self.tables() { #expect(try await broker.count(table) > 0, "'\(table)' has no row") }
    }
  }

  /// Whatever a foreign hand has left: if it is of another kind than its column, it is counted, and after a repair it is not.
  @Test(arguments: try tables())
  func everyValueOfAnotherKindIsCountedAndRepaired(_ table: String) async throws {
    for (number, (column, kind)) in try await Self.columns(of: table).enumerated() {
      for value in [Self.values[number % 5], Self.values[(number + 2) % 5]] {
        try await withRows { broker in
          // A key that is damaged is so in one row, where the others stay as they are.
          try? await broker.execute(
            "UPDATE \(table) SET \(column) = \(value) WHERE rowid = (SELECT min(rowid) FROM \(table))")
          try? await broker.execute("UPDATE OR REPLACE \(table) SET \(column) = \(value)")
          // SQLite's own table has no kinds of its own.
          let right = kind.isEmpty ? (column == "seq" ? "integer" : "text") : kind
          let isWrong = "typeof(\(column)) NOT IN ('\(right)', 'null')"
          let wrong = try await broker.count("\(table) WHERE \(isWrong)")
          let problems = try await broker.diagnose().filter { $0.fix == .repair }
          if wrong > 0 { #expect(!problems.isEmpty, "\(column) = \(value)") }
          _ = try await broker.repair()
          #expect(try await broker.count("\(table) WHERE \(isWrong)") == 0, "\(column) = \(value)")
          let left = try await broker.diagnose().filter { $0.fix == .repair }
          #expect(left.isEmpty, "\(column) = \(value): \(left)")
          // Afterwards it is a broker like any other.
          try await broker.apply(Topology(queues: ["fresh"]))
          try await broker.put("after", to: "fresh")
          try await broker.consume("fresh", prefetch: 1) { consumer in
            let delivery = try await consumer.mustNext()
            #expect(delivery.text == "after")
          }
        }
      }
    }
  }

  @Test func aDamagedValueIsCountedAndRepaired() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q", "r"]))
      try await broker.put("a", "b", to: "q")
      try await broker.execute(
        "UPDATE ready SET rank = 'abc' WHERE seq = 1",
        "UPDATE message SET published_at = x'00', id = 4711 WHERE seq = 2",
        "UPDATE depth SET ready = 'many'", "UPDATE queue SET is_paused = 'no'")
      let problems = try await broker.diagnose().filter { $0.severity == .problem }
      #expect(problems.count { $0.text.contains("of no use") } == 4, "\(problems)")
      _ = try await broker.repair()
      #expect(try await broker.diagnose().allSatisfy { $0.severity != .problem })
      try await broker.consume("q", prefetch: 2) { consumer in
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
      }
    }
  }

  @Test func aTimeThatIsNoneKeepsNoQueueAndNoProcessBusy() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q", "r"]))
      try await broker.put("a", "b", "c", to: "q")
      try await broker.put("d", to: "r")
      try await broker.execute(
        "UPDATE message SET park_at = 'abc' WHERE seq = 1", "UPDATE ready SET rank = 'abc' WHERE seq = 2",
        "INSERT INTO delayed SELECT seq, queue, 'abc' FROM message WHERE seq = 3", "DELETE FROM ready WHERE seq = 3",
        "UPDATE ready SET rank = x'00' WHERE seq = 4")
      try await broker.consume("q", prefetch: 5) { consumer in
        var texts: Set<String> = []
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          texts.insert(delivery.text)
          #expect(try await broker.settle(delivery, as: .complete) == .settled)
        }
        #expect(texts == ["a", "b"])
      }
      // A purge ends, though a row is of no use.
      #expect(try await broker.purge("r") == 1)
      _ = try await broker.repair()
      try await broker.consume("q", prefetch: 1) { consumer in
        let last = try await consumer.mustNext()
        #expect(last.text == "c")
        #expect(try await broker.settle(last, as: .complete) == .settled)
      }
      try await expectOrder(broker)
      #expect(try await broker.count("set_aside") == 0)
    }
  }

  /// What it costs must not grow with the number of messages, so it cannot find a row that is wrong.
  @Test func aGlanceDoesNotLookAtEveryRow() async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("a", to: "q")
      try await broker.execute("DELETE FROM ready")
      #expect(try await broker.glance().allSatisfy { $0.severity != .problem })
      #expect(try await broker.diagnose().contains { $0.fix == .repair })
    }
  }

  /// SQLite's counter at its end must keep out neither a worker nor the entry about the repair, which is written before it.
  @Test(arguments: ["9223372036854775807", "'abc'", "-5"])
  func aCounterThatIsOfNoUseKeepsNothingOut(_ value: String) async throws {
    try await SQLiteBroker.inMemory().withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      try await broker.put("a", "b", to: "q")
      let entry = AuditEntry(time: Date(), actor: "a", action: "b", stage: .done)
      try await broker.record(entry)
      try await broker.keep(Self.operation("first"))
      try await broker.consume("q", prefetch: 1) { _ in }
      try await broker.execute("UPDATE sqlite_sequence SET seq = \(value)")
      try await broker.record(entry)
      try await broker.keep(Self.operation("second"))
      try await broker.consume("q", prefetch: 1) { consumer in
        let delivery = try await consumer.mustNext()
        #expect(try await broker.settle(delivery, as: .complete) == .settled)
      }
      #expect(try await broker.newestAudit(limit: 9).map(\.number) == [2, 1])
      #expect(try await broker.bulkOperations(limit: 9).map(\.id) == ["second", "first"])
      _ = try await broker.repair()
      #expect(try await broker.diagnose().allSatisfy { $0.severity != .problem })
    }
  }

  @Test func theNextNumberIsFoundAgain() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("b.db")
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.apply(Topology(queues: ["q"]))
      for number in ["9223372036854775807", "'abc'", "-1", "1e300"] {
        try await broker.execute("UPDATE meta SET next_seq = \(number)")
        try await broker.put(number, to: "q")
      }
    }
    try await SQLiteBroker(path: path).withBroker { broker in
      try await broker.put("last", to: "q")
      try await expectOrder(broker)
      #expect(try await broker.status("q").ready == 5)
    }
  }
}
