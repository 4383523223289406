internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import TutorGoMessaging
internal import Warren
internal import WarrenGRDB

/// The application's own data, in its own file. A change and what is published about it are one transaction.
struct Store: Sendable {
  let database: any DatabaseWriter
  let outbox: Outbox
  /// By which the worker does each step for a message once.
  let inbox: Inbox
  /// What "now" is, for the rules about times.
  let clock: any BrokerClock

  /// Opens the file, and creates it, with one tutor, where needed.
  init(file: URL, composer: MessageComposer, clock: any BrokerClock = SystemClock()) throws {
    database = try ApplicationDatabase.open(file, migrator: Self.migrator)
    outbox = Outbox(database, composer)
    inbox = Inbox(database)
    self.clock = clock
  }

  /// Publishes an event when the transaction is committed.
  func publish(_ event: some EventMessage, _ trace: RequestTrace, _ db: Database) throws {
    try outbox.add(trace.marked(outbox.composer.publication(of: event)), in: db)
  }

  /// Enqueues a job when the transaction is committed.
  func enqueue(_ job: some JobMessage, id: MessageID, _ trace: RequestTrace, _ db: Database) throws {
    try outbox.add(trace.marked(outbox.composer.publication(of: JobRequest(job, id: id))), in: db)
  }

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("tutors, bookings, payments, reviews and notifications") { db in
      try db.execute(
        sql: """
          CREATE TABLE tutors (
            tutorId TEXT PRIMARY KEY, name TEXT NOT NULL, subjects TEXT NOT NULL, hourlyRate INTEGER NOT NULL);
          CREATE TABLE bookings (
            bookingId TEXT PRIMARY KEY, tutorId TEXT NOT NULL REFERENCES tutors (tutorId), studentId TEXT NOT NULL,
            subject TEXT NOT NULL, startTime TEXT NOT NULL, endTime TEXT NOT NULL, totalAmount INTEGER NOT NULL,
            status TEXT NOT NULL, cancellationReason TEXT, createdAt TEXT NOT NULL);
          CREATE INDEX bookingsOfTutor ON bookings (tutorId, endTime);
          CREATE INDEX bookingsOfStudent ON bookings (studentId, endTime);
          CREATE TABLE payments (
            paymentId TEXT PRIMARY KEY, bookingId TEXT NOT NULL UNIQUE REFERENCES bookings (bookingId),
            tutorId TEXT NOT NULL, studentId TEXT NOT NULL, totalAmount INTEGER NOT NULL, status TEXT NOT NULL,
            createdAt TEXT NOT NULL, refundedAmount INTEGER, refundReason TEXT, refundedAt TEXT);
          CREATE TABLE reviews (
            reviewId TEXT PRIMARY KEY, bookingId TEXT NOT NULL UNIQUE REFERENCES bookings (bookingId),
            tutorId TEXT NOT NULL, studentId TEXT NOT NULL, rating INTEGER NOT NULL, comment TEXT,
            createdAt TEXT NOT NULL);
          CREATE INDEX reviewsOfTutor ON reviews (tutorId);
          CREATE TABLE contacts (userId TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
          CREATE TABLE notifications (
            number INTEGER PRIMARY KEY, notificationId TEXT NOT NULL UNIQUE, messageId TEXT NOT NULL,
            userId TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, message TEXT NOT NULL,
            bookingId TEXT NOT NULL, correlationId TEXT, createdAt TEXT NOT NULL, mailedAt TEXT);
          CREATE INDEX notificationsOfUser ON notifications (userId);
          CREATE INDEX notificationsOfMessage ON notifications (messageId);
          -- The tutor of the document's example.
          INSERT INTO tutors VALUES ('tutor-123', 'Ada', '["Math","Physics"]', 5000);
          """)
    }
    migrator.registerMigration("bookings that may expire") { db in
      try db.execute(sql: "CREATE INDEX bookingsToExpire ON bookings (startTime) WHERE status = 'pending'")
    }
    return migrator
  }
}
