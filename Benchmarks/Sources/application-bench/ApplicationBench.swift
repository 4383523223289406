internal import ArgumentParser
internal import Foundation
internal import GRDB
internal import Logging
internal import Measuring
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

/// Measures what an application needs around its messages: bookings in a database of its own, each with its event.
/// Each command prints one line of JSON.
@main struct ApplicationBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "application-bench", subcommands: [Cycle.self, Insert.self, Latency.self, Idle.self])
}

struct Booked: EventMessage {
  static let name: MessageName = "bench.booked"
  var number: Int
  /// Which event of its key it is, in the order of the commits.
  var position = 0
  var sent: UInt64 = 0
  var filler = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
}

let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

/// The application's database and the broker's file.
struct Place: ParsableArguments {
  @Option(help: "The folder of the two files.") var dir: String

  func open() throws -> (database: DatabasePool, outbox: Outbox, broker: SQLiteBroker) {
    var configuration = Configuration()
    configuration.busyMode = .timeout(10)
    let database = try DatabasePool(path: "\(dir)/app.db", configuration: configuration)
    // Not while it is opened: then the pool sets NORMAL after that.
    try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
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
      try SQLiteBroker(path: "\(dir)/bench.db")
    )
  }
}

/// The application's own row of a booking.
func book(_ number: Int, in db: Database) throws {
  try db.cachedStatement(sql: "INSERT INTO booking VALUES (?, ?, ?)")
    .execute(arguments: [number, "seat \(number)", "a note of a booking, as long as notes are"])
}

/// The effect of a handler.
func issueTicket(_ number: Int, in db: Database) throws {
  try db.cachedStatement(sql: "INSERT INTO ticket VALUES (?)").execute(arguments: [number])
}
