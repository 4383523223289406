internal import ExampleSupport
internal import GRDB
internal import WarrenGRDB

extension Store {
  /// Throws a 409 when the mail address is taken.
  func insert(_ user: User) async throws {
    do {
      try await database.write { db in
        try user.insert(db)
        try outbox.publish(
          UserRegistered(userId: user.userId, name: user.name, email: user.email), orderedBy: user.userId, in: db)
      }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
      throw Self.emailTaken
    }
  }

  /// Changes a user. Throws a 404 when there is none, and a 409 when the mail address is taken.
  func updateUser(_ id: String, name: String?, email: String?) async throws -> User {
    do {
      return try await database.write { db in
        var user = try Self.user(id, db)
        user.name = name ?? user.name
        user.email = email ?? user.email
        try user.update(db)
        try outbox.publish(
          UserUpdated(userId: id, name: user.name, email: user.email), orderedBy: id, in: db)
        return user
      }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
      throw Self.emailTaken
    }
  }

  /// Deletes a user; the notifications go with the event. Throws a 404 when there is none.
  func deleteUser(_ id: String) async throws {
    try await database.write { db in
      try Self.user(id, db).delete(db)
      try outbox.publish(UserDeleted(userId: id), orderedBy: id, in: db)
    }
  }

  private static func user(_ id: String, _ db: Database) throws -> User {
    let found = try User.fetchOne(db, sql: "SELECT * FROM users WHERE userId = ?", arguments: [id])
    guard let found else { throw APIError.notFound("user", id) }
    return found
  }

  private static var emailTaken: APIError {
    .conflict("email_taken", "email is registered already: take another, or use its userId")
  }
}
