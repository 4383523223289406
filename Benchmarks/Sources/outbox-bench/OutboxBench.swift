internal import ArgumentParser
internal import Foundation
internal import GRDB
internal import Logging
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

struct Booked: EventMessage {
  static let name: MessageName = "bench.booked"
  var number: Int
  var sent: UInt64
  var filler = String(repeating: "x", count: 64)
}

let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

/// What an outbox and an inbox cost: bookings in an application's own database, each with its event.
@main struct OutboxBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outbox-bench", subcommands: [Cycle.self, Plain.self, Latency.self, Idle.self])
}

struct Setting: ParsableArguments {
  @Option(help: "The folder of the two files; a new one each time.") var folder = NSTemporaryDirectory()
  @Option var sync = "FULL"

  func open() throws -> (database: DatabasePool, outbox: Outbox, broker: SQLiteBroker) {
    let folder = URL(fileURLWithPath: folder).appendingPathComponent("outbox-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    let sync = sync
    configuration.prepareDatabase { db in
      if !db.configuration.readonly { try db.execute(sql: "PRAGMA synchronous = \(sync)") }
    }
    let database = try DatabasePool(path: folder.appendingPathComponent("app.db").path, configuration: configuration)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("bench") { db in
      try db.execute(
        sql: """
          CREATE TABLE booking (number INTEGER PRIMARY KEY, seat TEXT NOT NULL, note TEXT NOT NULL);
          CREATE TABLE ticket (number INTEGER PRIMARY KEY);
          """)
    }
    try migrator.migrate(database)
    return (
      database, Outbox(database, MessageComposer(source: "bench", exchange: .topic("bench"))),
      try SQLiteBroker(path: folder.appendingPathComponent("broker.db").path)
    )
  }

  static func book(_ number: Int, _ db: Database) throws {
    try db.cachedStatement(sql: "INSERT INTO booking VALUES (?, ?, ?)")
      .execute(arguments: [number, "seat \(number)", "a note of a booking, as long as notes are"])
  }
}

/// Commit, relay, handle: many writers with group commit, events ordered by key.
struct Cycle: AsyncParsableCommand {
  @OptionGroup var setting: Setting
  @Option var messages = 50_000
  @Option var writers = 100
  @Option var keys = 1000
  @Flag(help: "Each event is handled through an inbox.") var inbox = false
  @Flag(help: "Each write is a transaction of its own.") var alone = false

  func run() async throws {
    let (database, outbox, broker) = try setting.open()
    let done = Gate(messages)
    let (messages, writers, keys, usesInbox, alone) = (messages, writers, keys, inbox, alone)
    let inbox = Inbox(database)
    let order = Mutex([Int: Int]())
    try await broker.withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        Subscription("bench", on: "bench", to: "#") {
          On(Booked.self) { event, context in
            if usesInbox {
              try await inbox.once(context, "ticket") { db in
                try db.cachedStatement(sql: "INSERT INTO ticket VALUES (?)").execute(arguments: [event.number])
              }
            }
            order.withLock { $0[event.number, default: 0] += 1 }
            done.count()
          }
        }.prefetch(200).concurrency(usesInbox ? 200 : 100)
      }
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() }
        let writer = GroupedWriter(database)
        let begin = Usage.now
        try await Share.split(messages, among: writers) { number in
          @Sendable func write(_ db: Database) throws {
            try Setting.book(number, db)
            try outbox.publish(Booked(number: number, sent: 0), orderedBy: "key \(number % keys)", in: db)
          }
          if alone { try await database.write(write) } else { try await writer.write(write) }
        }
        let written = Usage.now - begin
        await done.wait()
        begin.report(
          messages,
          [
            "case": usesInbox ? "outbox cycle with inbox" : "outbox cycle", "writers": writers, "sync": setting.sync,
            "written_per_s": Double(messages) / written.wall,
            "twice": order.withLock { $0.values.count { $0 > 1 } }, "handled": order.withLock { $0.count },
          ])
        group.cancelAll()
      }
    }
  }
}

/// What the outbox adds to a write: the same bookings without and with an event, nothing relayed.
struct Plain: AsyncParsableCommand {
  @OptionGroup var setting: Setting
  @Option var messages = 50_000
  @Option var writers = 100
  @Flag var withEvent = false
  @Flag(help: "Each write is a transaction of its own.") var alone = false

  func run() async throws {
    let (database, outbox, _) = try setting.open()
    let writer = GroupedWriter(database)
    let (withEvent, alone) = (withEvent, alone)
    let begin = Usage.now
    try await Share.split(messages, among: writers) { number in
      @Sendable func write(_ db: Database) throws {
        try Setting.book(number, db)
        if withEvent { try outbox.publish(Booked(number: number, sent: 0), orderedBy: "key \(number % 1000)", in: db) }
      }
      if alone { try await database.write(write) } else { try await writer.write(write) }
    }
    begin.report(
      messages, ["case": withEvent ? "insert with event" : "plain insert", "alone": alone, "sync": setting.sync])
  }
}

/// From just before the write to the first line of the handler, when nothing else happens; outbox and inbox on.
struct Latency: AsyncParsableCommand {
  @OptionGroup var setting: Setting
  @Option var messages = 1000
  @Option var rate = 100

  func run() async throws {
    let (database, outbox, broker) = try setting.open()
    let inbox = Inbox(database)
    let times = Mutex<[UInt64]>([])
    let done = Gate(messages)
    let (messages, rate) = (messages, rate)
    try await broker.withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        Subscription("bench", on: "bench", to: "#") {
          On(Booked.self) { event, context in
            let took = clockNanoseconds() - event.sent
            try await inbox.once(context, "ticket") { db in
              try db.execute(sql: "INSERT INTO ticket VALUES (?)", arguments: [event.number])
            }
            times.withLock { $0.append(took) }
            done.count()
          }
        }
      }
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() }
        try await Task.sleep(for: .seconds(1))
        let begin = ContinuousClock.now
        for number in 0..<messages {
          try await Task.sleep(until: begin + .microseconds(1_000_000 / rate) * number, tolerance: .zero)
          try await database.write { db in
            try Setting.book(number, db)
            try outbox.publish(Booked(number: number, sent: clockNanoseconds()), in: db)
          }
        }
        await done.wait()
        let sorted = times.withLock { $0.dropFirst(messages / 10).sorted() }
        report([
          "case": "outbox latency, one process", "n": sorted.count, "p50_ms": Double(sorted[sorted.count / 2]) / 1e6,
          "p99_ms": Double(sorted[sorted.count * 99 / 100]) / 1e6, "max_ms": Double(sorted[sorted.count - 1]) / 1e6,
        ])
        group.cancelAll()
      }
    }
  }
}

/// What a relay and a worker cost that have nothing to do.
struct Idle: AsyncParsableCommand {
  @OptionGroup var setting: Setting
  @Option var seconds = 10

  func run() async throws {
    let (_, outbox, broker) = try setting.open()
    let seconds = seconds
    try await broker.withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        Subscription("bench", on: "bench", to: "#") { On(Booked.self) { _, _ in } }
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() }
        try await Task.sleep(for: .seconds(1))
        let begin = Usage.now
        try await Task.sleep(for: .seconds(seconds))
        let used = Usage.now - begin
        report(["case": "idle worker and relay", "secs": used.wall, "cpu_ms_per_s": used.cpu * 1000 / used.wall])
        group.cancelAll()
      }
    }
  }
}
