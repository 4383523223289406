internal import EventBookingModel
internal import GRDB
internal import WarrenGRDB

/// The tables.
enum Schema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("users, events and bookings") { db in
      try db.execute(
        sql: """
          CREATE TABLE users (
            userId TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, passwordHash TEXT NOT NULL,
            role TEXT NOT NULL, createdAt TEXT NOT NULL);
          CREATE TABLE events (
            eventId TEXT PRIMARY KEY, organizerId TEXT NOT NULL REFERENCES users (userId), title TEXT NOT NULL,
            description TEXT NOT NULL, date TEXT NOT NULL, location TEXT NOT NULL,
            totalTickets INTEGER NOT NULL, ticketsSold INTEGER NOT NULL,
            createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, deletedAt TEXT,
            CHECK (ticketsSold BETWEEN 0 AND totalTickets));
          CREATE INDEX eventsByDate ON events (date, eventId) WHERE deletedAt IS NULL;
          CREATE TABLE bookings (
            bookingId TEXT PRIMARY KEY, eventId TEXT NOT NULL REFERENCES events (eventId),
            customerId TEXT NOT NULL REFERENCES users (userId), tickets INTEGER NOT NULL CHECK (tickets > 0),
            status TEXT NOT NULL, createdAt TEXT NOT NULL);
          CREATE INDEX bookingsOfCustomer ON bookings (customerId, createdAt);
          CREATE INDEX bookingsOfEvent ON bookings (eventId, status, customerId);
          CREATE TABLE updates (
            updateId TEXT PRIMARY KEY, eventId TEXT NOT NULL, lastCustomer TEXT NOT NULL, customers INTEGER NOT NULL);
          -- The mails that the mail server has taken, by the id of their job.
          CREATE TABLE sentMails (mailId TEXT PRIMARY KEY, sentAt REAL NOT NULL) WITHOUT ROWID;
          CREATE INDEX sentMailsByTime ON sentMails (sentAt);
          """)
    }
    return migrator
  }
}

extension User: FetchableRecord, PersistableRecord {
  package static var databaseTableName: String { "users" }
}
extension Event: FetchableRecord, PersistableRecord {
  package static var databaseTableName: String { "events" }
}
extension Booking: FetchableRecord, PersistableRecord {
  package static var databaseTableName: String { "bookings" }
}
extension BookedEvent: FetchableRecord {}
extension Update: FetchableRecord, PersistableRecord {
  package static var databaseTableName: String { "updates" }
}
extension Recipient: FetchableRecord {}
