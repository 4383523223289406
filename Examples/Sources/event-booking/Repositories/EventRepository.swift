package import EventBookingModel
internal import Foundation
internal import GRDB

/// Events. One that is deleted is found by none of these but ``findAny(_:)``.
package struct EventRepository {
  let db: Database

  package func add(_ event: Event) throws { try event.insert(db) }

  package func save(_ event: Event) throws { try event.update(db) }

  package func find(_ id: String) throws -> Event? {
    try Event.fetchOne(db, sql: "SELECT * FROM events WHERE eventId = ? AND deletedAt IS NULL", arguments: [id])
  }

  /// The event, deleted or not.
  package func findAny(_ id: String) throws -> Event? { try Event.fetchOne(db, key: id) }

  /// A page of all events, the earliest first.
  package func list(limit: Int, offset: Int) throws -> [Event] {
    try Event.fetchAll(
      db, sql: "SELECT * FROM events WHERE deletedAt IS NULL ORDER BY date, eventId LIMIT ? OFFSET ?",
      arguments: [limit, offset])
  }

  /// Sells so many tickets, if as many are left: one statement looks and changes, so that two buyers never both see the last
  /// ticket. Returns whether it did.
  package func sell(_ tickets: Int, of id: String) throws -> Bool {
    try db.execute(
      sql: """
        UPDATE events SET ticketsSold = ticketsSold + :tickets
        WHERE eventId = :id AND deletedAt IS NULL AND ticketsSold + :tickets <= totalTickets
        """, arguments: ["tickets": tickets, "id": id])
    return db.changesCount == 1
  }

  /// Takes tickets back.
  package func takeBack(_ tickets: Int, of id: String) throws {
    try db.execute(
      sql: "UPDATE events SET ticketsSold = ticketsSold - ? WHERE eventId = ?", arguments: [tickets, id])
  }
}
