internal import Accounts
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import Warren
internal import WarrenGRDB

/// The application's own data, in its own file. What is booked and the mail about it are one transaction.
struct Store: Sendable {
  let database: any DatabaseWriter
  let outbox: Outbox

  /// Opens the file, and creates it, with a few movies, where needed.
  init(file: URL, composer: MessageComposer) throws {
    database = try ApplicationDatabase.open(file, migrator: Self.migrator)
    outbox = Outbox(database, composer)
  }

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("accounts, movies and bookings") { db in
      try OneTimeCodes.migrate(db)
      try db.execute(
        sql: """
          CREATE TABLE accounts (
            userId TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, passwordHash TEXT NOT NULL,
            createdAt TEXT NOT NULL);
          -- Not verified yet: an address may have several, each with a code of its own.
          CREATE TABLE registrations (
            userId TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, passwordHash TEXT NOT NULL,
            createdAt TEXT NOT NULL);
          CREATE INDEX registrationsOfAddress ON registrations (email);
          CREATE TABLE movies (movieId TEXT PRIMARY KEY, title TEXT NOT NULL, minutes INTEGER NOT NULL);
          CREATE TABLE shows (
            showId TEXT PRIMARY KEY, movieId TEXT NOT NULL REFERENCES movies (movieId), startsAt TEXT NOT NULL);
          CREATE TABLE seats (
            showId TEXT NOT NULL REFERENCES shows (showId), seat TEXT NOT NULL, bookingId TEXT,
            PRIMARY KEY (showId, seat)) WITHOUT ROWID;
          CREATE TABLE bookings (
            bookingId TEXT PRIMARY KEY, showId TEXT NOT NULL REFERENCES shows (showId),
            userId TEXT NOT NULL REFERENCES accounts (userId), createdAt TEXT NOT NULL);
          CREATE INDEX bookingsOfUser ON bookings (userId);
          """)
      try Self.addSamples(db)
    }
    return migrator
  }

  private static func addSamples(_ db: Database) throws {
    for (movie, title, minutes) in [("metropolis", "Metropolis", 153), ("modern-times", "Modern Times", 87)] {
      try db.execute(sql: "INSERT INTO movies VALUES (?, ?, ?)", arguments: [movie, title, minutes])
      for hour in ["18", "21"] {
        let show = "\(movie)-\(hour)"
        try db.execute(
          sql: "INSERT INTO shows VALUES (?, ?, ?)", arguments: [show, movie, "2027-01-15T\(hour):00:00Z"])
        for row in "ABCDEFGHIJ" {
          for number in 1...10 {
            try db.execute(
              sql: "INSERT INTO seats (showId, seat) VALUES (?, ?)", arguments: [show, "\(row)\(number)"])
          }
        }
      }
    }
  }
}
