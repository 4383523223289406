internal import BackstageBus
internal import GRDB

/// What a service knows of tickets, by the events of the service that owns them.
enum KnownTickets {
  struct Ticket: Codable, FetchableRecord {
    var ticketId: Int
    var eventId: Int
    var eventName: String
    var userId: Int
  }

  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE knownTickets (
          ticketId INTEGER PRIMARY KEY, eventId INTEGER NOT NULL, eventName TEXT NOT NULL, userId INTEGER NOT NULL,
          version INTEGER NOT NULL);
        CREATE INDEX knownTicketsOfEvent ON knownTickets (eventId, userId);
        CREATE INDEX knownTicketsOfUser ON knownTickets (userId);
        """)
  }

  /// Notes who bought a ticket, unless something newer is known.
  static func note(_ event: TicketPurchased, in db: Database) throws {
    try note(event.ticketId, event.eventId, event.eventName, owner: event.userId, version: 1, db)
  }

  /// Notes who has got a ticket, unless something newer is known.
  static func note(_ event: TicketTransferred, in db: Database) throws {
    try note(event.ticketId, event.eventId, event.eventName, owner: event.toUserId, version: event.version, db)
  }

  static func find(_ id: Int, in db: Database) throws -> Ticket? {
    try Ticket.fetchOne(db, sql: "SELECT * FROM knownTickets WHERE ticketId = ?", arguments: [id])
  }

  static func delete(ofUser id: Int, in db: Database) throws {
    try db.execute(sql: "DELETE FROM knownTickets WHERE userId = ?", arguments: [id])
  }

  private static func note(_ id: Int, _ event: Int, _ name: String, owner: Int, version: Int, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO knownTickets VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (ticketId) DO UPDATE SET userId = excluded.userId, version = excluded.version
        WHERE excluded.version > version
        """, arguments: [id, event, name, owner, version])
  }
}
