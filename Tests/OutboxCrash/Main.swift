internal import BrokerConformance
internal import Foundation
internal import GRDB
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"
  var number: Int
}

/// A small application: it takes bookings, tells of them through an outbox, and handles what it was told in five steps of an
/// inbox. It ends when all bookings are handled, or by SIGKILL at the point that it is told.
///
/// `warren-outbox-crash FOLDER BOOKINGS POINT [one-by-one]`, where BOOKINGS is a number or FIRST-LAST; or
/// `warren-outbox-crash FOLDER schedules POINT HOUR [keys]` for ``ScheduleCrash``, or `warren-outbox-crash FOLDER kills SEED KILLS`
/// for ``ManyKills``.
@main enum OutboxCrash {
  static let steps = ["number", "seat", "mail", "index", "count"]

  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.count >= 5, arguments[2] == "schedules", let point = Int(arguments[3]), let hour = Int(arguments[4]) {
      return try await ScheduleCrash.run(in: arguments[1], at: point, from: hour, keys: arguments.count > 5)
    }
    if arguments.count == 5, arguments[2] == "kills", let seed = UInt64(arguments[3]), let kills = Int(arguments[4]) {
      return try await ManyKills(folder: arguments[1], seed: seed, kills: kills).run()
    }
    guard arguments.count >= 4, let point = Int(arguments[3]) else { exit(64) }
    let range = arguments[2].split(separator: "-").compactMap { Int($0) }
    guard let first = range.count > 1 ? range.first : 1, let bookings = range.last else { exit(64) }
    let folder = arguments[1]
    let book = Book(folder: folder, storesBatchesAsOne: arguments.count < 5)
    let points = KillPoints(at: point, notedIn: book)

    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { points.pass(atEachWriteOf: $0) }
    let database = try DatabasePool(path: "\(folder)/app.db", configuration: configuration)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("bookings") { db in
      try db.execute(
        sql: """
          CREATE TABLE booking (number INTEGER PRIMARY KEY);
          CREATE TABLE effect (booking INTEGER NOT NULL, step TEXT NOT NULL, value INTEGER NOT NULL);
          CREATE TABLE result (booking INTEGER NOT NULL, sum INTEGER NOT NULL);
          """)
    }
    try migrator.migrate(database)

    var settings = SQLiteConfiguration()
    settings.livenessInterval = .milliseconds(20)
    let engine = try SQLiteBroker(path: "\(folder)/broker.db", configuration: settings, logger: quiet)
    let exchange = Exchange.topic("bookings")
    let outbox = Outbox(database, MessageComposer(source: "crash", exchange: exchange))
    let inbox = Inbox(database)
    // After a kill the broker may have what still lies in the outbox, and the worker may be done before the relay.
    let isDone: @Sendable () async throws -> Bool = {
      try await database.read { db in
        try Int.fetchOne(db, sql: "SELECT count(DISTINCT booking) FROM result") == bookings
          && Int.fetchOne(db, sql: "SELECT count(*) FROM warren_outbox") == 0
      }
    }

    try await engine.withBroker { engine in
      let broker = DyingBroker(base: engine, points: points, book: book)
      let worker = try Worker(broker, name: "crash", logger: quiet) {
        Subscription("handled", on: "bookings", to: "booking.*") {
          On(BookingCreated.self) { event, context in
            var sum = 0
            for step in steps {
              sum += try await inbox.once(context, step) { db in
                let value = Int.random(in: 1...1_000_000)
                try db.execute(
                  sql: "INSERT INTO effect VALUES (?, ?, ?)", arguments: [event.number, step, value])
                return value
              }
            }
            let total = sum
            try await inbox.once(context, "result") { db in
              try db.execute(sql: "INSERT INTO result VALUES (?, ?)", arguments: [event.number, total])
            }
          }
        }
      }
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() }
        group.addTask { try await worker.run() }
        for number in first...bookings {
          try await database.write { db in
            try db.execute(sql: "INSERT OR IGNORE INTO booking VALUES (?)", arguments: [number])
            if db.changesCount == 0 { return }
            var made = try outbox.composer.publication(of: BookingCreated(number: number))
            made.message.correlationID = "\(number)"
            try outbox.add(made, orderedBy: "key \(number % 2)", in: db)
          }
          book.note("promised", "\(number)")
        }
        let end = ContinuousClock.now + .seconds(30)
        while try await !isDone() {
          if ContinuousClock.now > end { exit(3) }
          try await Task.sleep(for: .milliseconds(5))
        }
        group.cancelAll()
        while let outcome = await group.nextResult() {
          if case .failure(let error) = outcome, !(error is CancellationError) { throw error }
        }
      }
    }
    print(points.passed)
  }

  static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
}
