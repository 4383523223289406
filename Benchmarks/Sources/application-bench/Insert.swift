internal import ArgumentParser
internal import GRDB
internal import Measuring
internal import WarrenGRDB

/// What the outbox adds to a write: the same bookings without and with an event, nothing relayed.
struct Insert: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 50_000
  @Option var writers = 100
  @Flag var withEvent = false
  @Flag(help: "Each write is a transaction of its own.") var alone = false

  func run() async throws {
    let (database, outbox, _) = try place.open()
    let writer = GroupedWriter(database)
    let (withEvent, alone) = (withEvent, alone)
    let begin = Usage.now
    try await Share.split(messages, among: writers) { number in
      @Sendable func write(_ db: Database) throws {
        try book(number, in: db)
        if withEvent { try outbox.publish(Booked(number: number), orderedBy: "key \(number % 1000)", in: db) }
      }
      if alone { try await database.write(write) } else { try await writer.write(write) }
    }
    let used = Usage.now - begin
    let stored = try await database.read { db in
      try (
        Int.fetchOne(db, sql: "SELECT count(*) FROM booking"),
        Int.fetchOne(db, sql: "SELECT count(*) FROM warren_outbox")
      )
    }
    report([
      "case": withEvent ? "insert with event" : "plain insert", "n": messages, "secs": used.wall,
      "per_s": Double(messages) / used.wall, "cpu_s_per_100k": used.cpu * 100_000 / Double(messages),
      "bookings": stored.0 ?? 0, "events": stored.1 ?? 0,
      "synchronous": try await database.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        ?? -1,
    ])
  }
}
