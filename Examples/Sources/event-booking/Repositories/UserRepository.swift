package import EventBookingModel
internal import GRDB

/// Users.
package struct UserRepository {
  let db: Database

  /// Saves a user. Returns whether the address was free.
  package func add(_ user: User) throws -> Bool {
    guard try find(email: user.email) == nil else { return false }
    try user.insert(db)
    return true
  }

  package func find(email: String) throws -> User? {
    try User.fetchOne(db, sql: "SELECT * FROM users WHERE email = ?", arguments: [email])
  }

  package func find(_ id: String) throws -> User? { try User.fetchOne(db, key: id) }
}
