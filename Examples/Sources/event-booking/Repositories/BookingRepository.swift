package import EventBookingModel
internal import GRDB

/// Bookings.
package struct BookingRepository {
  let db: Database

  package func add(_ booking: Booking) throws { try booking.insert(db) }

  package func find(_ id: String) throws -> Booking? { try Booking.fetchOne(db, key: id) }

  /// Cancels a booking. Returns whether it stood until now.
  package func cancel(_ id: String) throws -> Bool {
    try db.execute(
      sql: "UPDATE bookings SET status = 'cancelled' WHERE bookingId = ? AND status = 'booked'", arguments: [id])
    return db.changesCount == 1
  }

  /// Notes on all bookings of an event that it was deleted.
  package func eventWasDeleted(_ id: String) throws {
    try db.execute(
      sql: "UPDATE bookings SET status = 'eventDeleted' WHERE eventId = ? AND status = 'booked'", arguments: [id])
  }

  /// What a customer booked, the newest first.
  package func list(of customer: String, limit: Int, offset: Int) throws -> [BookedEvent] {
    try BookedEvent.fetchAll(
      db,
      sql: """
        SELECT bookingId, eventId, title AS eventTitle, date, location, tickets, status, bookings.createdAt
        FROM bookings JOIN events USING (eventId) WHERE customerId = ?
        ORDER BY bookings.createdAt DESC, bookingId LIMIT ? OFFSET ?
        """, arguments: [customer, limit, offset])
  }

  /// The next customers of an event behind `last`, each once, with the address of each.
  package func customers(
    of event: String, status: Booking.Status, behind last: String, limit: Int
  ) throws -> [Recipient] {
    try Recipient.fetchAll(
      db,
      sql: """
        SELECT DISTINCT customerId, email FROM bookings JOIN users ON userId = customerId
        WHERE eventId = ? AND status = ? AND customerId > ? ORDER BY customerId LIMIT ?
        """, arguments: [event, status.rawValue, last, limit])
  }
}
