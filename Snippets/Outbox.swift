// The article on the outbox and the inbox: a booking and the message about it are one transaction.
import GRDB
import Logging
import ServiceLifecycle
import Warren
import WarrenGRDB
import WarrenSQLite

struct BookingCreated: EventMessage {
  static let name: MessageName = "booking.created"
  var bookingID: Int64
}

struct SendEmail: JobMessage {
  static let name: MessageName = "email.send"
  static let queue: Queue = "email_queue"
  var bookingID: Int64
  var ticket: Int
}

let database = try DatabasePool(path: "bookings.db")
var migrator = DatabaseMigrator()
migrator.registerWarrenTables()
migrator.registerMigration("bookings") { db in
  try db.execute(
    sql: """
      CREATE TABLE booking (id INTEGER PRIMARY KEY, seat TEXT NOT NULL UNIQUE);
      CREATE TABLE ticket (number INTEGER PRIMARY KEY, booking INTEGER NOT NULL);
      """)
}
try migrator.migrate(database)

let outbox = Outbox(database, MessageComposer(source: "bookings", exchange: .topic("bookings")))

func book(_ seat: String) async throws -> Int64 {
  try await database.write { db in
    try db.execute(sql: "INSERT INTO booking (seat) VALUES (?)", arguments: [seat])
    let id = db.lastInsertedRowID
    try outbox.publish(BookingCreated(bookingID: id), orderedBy: "booking-\(id)", in: db)
    return id
  }
}

let broker = try SQLiteBroker(path: "broker.db")
let inbox = Inbox(database)
let worker = try Worker(broker, name: "tickets") {
  Subscription("tickets", on: "bookings", to: "booking.created") {
    On(BookingCreated.self) { event, context in
      let ticket = try await inbox.once(context, "ticket") { db in
        try db.execute(sql: "INSERT INTO ticket (booking) VALUES (?)", arguments: [event.bookingID])
        return Int(db.lastInsertedRowID)
      }
      try await inbox.once(context, "mail") { db in
        try outbox.enqueue(SendEmail(bookingID: event.bookingID, ticket: ticket), in: db)
      }
    }
  }
  On(SendEmail.self) { job, context in print("ticket \(job.ticket)") }
}

try await ServiceGroup(
  services: [broker, OutboxRelay(outbox, to: broker), inbox, worker], gracefulShutdownSignals: [.sigterm],
  logger: Logger(label: "bookings")
).run()
