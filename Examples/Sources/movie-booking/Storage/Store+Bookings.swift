internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Warren
internal import WarrenGRDB

extension Store {
  /// All movies and their shows.
  func movies() async throws -> [Movie] {
    try await database.read { db in
      try Row.fetchAll(db, sql: "SELECT * FROM movies ORDER BY title").map { row in
        let shows = try Movie.Show.fetchAll(
          db, sql: "SELECT showId, startsAt FROM shows WHERE movieId = ? ORDER BY startsAt", arguments: [row["movieId"]]
        )
        return Movie(movieId: row["movieId"], title: row["title"], minutes: row["minutes"], shows: shows)
      }
    }
  }

  /// A show and which of its seats are taken. Throws a 404 when there is none.
  func show(_ id: String) async throws -> Show {
    try await database.read { db in
      let row = try Self.show(id, db)
      let seats = try Show.Seat.fetchAll(
        db,
        sql: """
          SELECT seat, bookingId IS NOT NULL AS taken FROM seats WHERE showId = ?
          ORDER BY substr(seat, 1, 1), CAST(substr(seat, 2) AS INTEGER)
          """, arguments: [id])
      return Show(showId: id, movie: row["title"], startsAt: row["startsAt"], seats: seats)
    }
  }

  /// Books seats and puts the confirmation into the outbox: all of it or nothing. Throws a 404 for what does not exist and a
  /// 409 for a seat that is taken. Two callers never get one seat, since writes come one after the other.
  func book(_ booking: Booking) async throws {
    try await database.write { db in
      let show = try Self.show(booking.showId, db)
      for seat in booking.seats {
        let row = try Row.fetchOne(
          db, sql: "SELECT bookingId FROM seats WHERE showId = ? AND seat = ?", arguments: [booking.showId, seat])
        guard let row else { throw APIError.field("seats", "has '\(seat)', which the show does not have") }
        if row["bookingId"] != nil {
          throw APIError.conflict("seat_taken", "seats: '\(seat)' is taken: choose another")
        }
        try db.execute(
          sql: "UPDATE seats SET bookingId = ? WHERE showId = ? AND seat = ?",
          arguments: [booking.bookingId, booking.showId, seat])
      }
      guard let account = try Account.fetchOne(db, key: booking.userId) else {
        throw APIError(.unauthorized, "no_account", "the account of this token does not exist any more: register again")
      }
      try db.execute(
        sql: "INSERT INTO bookings VALUES (?, ?, ?, ?)",
        arguments: [booking.bookingId, booking.showId, booking.userId, booking.createdAt])
      let content = Email.Content(
        to: account.email, name: account.name, bookingId: booking.bookingId, movie: show["title"],
        startsAt: show["startsAt"], seats: booking.seats)
      try outbox.enqueue(
        Email(template: "booking_confirmation", data: content), id: MessageID("booking-\(booking.bookingId)"), in: db)
    }
  }

  /// What an account booked, the newest first.
  func bookings(of user: String) async throws -> [Booking] {
    try await database.read { db in
      let rows = try Row.fetchAll(
        db, sql: "SELECT * FROM bookings WHERE userId = ? ORDER BY createdAt DESC LIMIT 1000", arguments: [user])
      return try rows.map { row in
        let id: String = row["bookingId"]
        return Booking(
          bookingId: id, showId: row["showId"], userId: user,
          seats: try String.fetchAll(
            db, sql: "SELECT seat FROM seats WHERE showId = ? AND bookingId = ?", arguments: [row["showId"], id]),
          createdAt: row["createdAt"])
      }
    }
  }

  private static func show(_ id: String, _ db: Database) throws -> Row {
    let row = try Row.fetchOne(
      db, sql: "SELECT * FROM shows JOIN movies USING (movieId) WHERE showId = ?", arguments: [id])
    guard let row else { throw APIError.notFound("show", id) }
    return row
  }
}
