internal import Foundation
internal import GRDB

/// A person who may book.
struct Account: Codable, Sendable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "accounts"
  var userId: String
  var name: String
  var email: String
  var passwordHash: String
  var createdAt: Date
}

/// A movie, with its shows.
struct Movie: Codable, Sendable, Equatable {
  struct Show: Codable, Sendable, Equatable, FetchableRecord {
    var showId: String
    var startsAt: String
  }
  var movieId: String
  var title: String
  var minutes: Int
  var shows: [Show]
}

/// A show, with its seats.
struct Show: Codable, Sendable, Equatable {
  struct Seat: Codable, Sendable, Equatable, FetchableRecord {
    var seat: String
    var taken: Bool
  }
  var showId: String
  var movie: String
  var startsAt: String
  var seats: [Seat]
}

/// Seats of a show that an account booked.
struct Booking: Codable, Sendable {
  var bookingId: String
  var showId: String
  var userId: String
  var seats: [String]
  var createdAt: Date
}
