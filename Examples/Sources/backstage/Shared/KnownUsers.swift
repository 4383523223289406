internal import BackstageBus
internal import ExampleSupport
internal import GRDB
internal import HTTPTypes
internal import Warren
internal import WarrenGRDB

/// What a service knows of users, by the events of the service that owns them.
///
/// A user who was deleted stays as an empty row, so that an event which comes late does not bring the data back.
enum KnownUsers {
  struct User: Codable, FetchableRecord {
    var userId: Int
    var name: String
    var email: String
    var isDeleted: Bool
  }

  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE knownUsers (
          userId INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, version INTEGER NOT NULL,
          isDeleted INTEGER NOT NULL DEFAULT 0)
        """)
  }

  /// Notes what an event says, unless something newer is known.
  static func note(_ user: some UserFacts, in db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO knownUsers VALUES (?, ?, ?, ?, 0)
        ON CONFLICT (userId) DO UPDATE SET name = excluded.name, email = excluded.email, version = excluded.version
        WHERE excluded.version > version AND NOT isDeleted
        """, arguments: [user.userId, user.name, user.email, user.version])
  }

  /// Forgets a user but for the id.
  static func delete(_ id: Int, in db: Database) throws {
    try db.execute(
      sql: """
        INSERT INTO knownUsers VALUES (?, '', '', 0, 1) ON CONFLICT (userId) DO UPDATE SET name = '', email = '', isDeleted = 1
        """, arguments: [id])
  }

  /// What is known of a user; `nil` when nothing is.
  static func find(_ id: Int, in db: Database) throws -> User? {
    try User.fetchOne(db, sql: "SELECT * FROM knownUsers WHERE userId = ?", arguments: [id])
  }

  /// The user that a request names in `field`.
  ///
  /// - Throws: a 404 for a user who was deleted, and ``NotKnownYet`` for one who is not known.
  @discardableResult
  static func require(_ id: Int, field: String, in db: Database) throws -> User {
    let answer = APIError(.notFound, "not_found", "\(field): there is no user '\(id)'")
    guard let user = try find(id, in: db) else { throw NotKnownYet(answer: answer) }
    if user.isDeleted { throw answer }
    return user
  }

  /// Keeps the copy by the events about users.
  ///
  /// - Parameter cascade: deletes what else the service has of a user who was deleted.
  @Subscription.Builder static func handlers(
    _ inbox: Inbox, cascade: @escaping @Sendable (Int, Database) throws -> Void
  ) -> [Subscription.Item] {
    On(UserCreated.self) { event, context in
      try await inbox.once(context, "user") { db in try note(event, in: db) }
    }
    On(UserUpdated.self) { event, context in
      try await inbox.once(context, "user") { db in try note(event, in: db) }
    }
    On(UserDeleted.self) { event, context in
      try await inbox.once(context, "user") { db in
        try delete(event.userId, in: db)
        try cascade(event.userId, db)
      }
    }
  }
}
