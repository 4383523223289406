internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Mail

/// Owns the users. Everything that others know of them, they know by its events.
struct UsersService: ServiceContent {
  struct User: Codable, FetchableRecord {
    var userId: Int
    var name: String
    var email: String
    var createdAt: Date
  }
  private struct NewUser: Decodable {
    var name: String
    var email: String
  }
  private struct Changes: Decodable {
    var name: String?
    var email: String?
  }

  private let data: ServiceStore
  var store: ServiceStore? { data }

  init(_ store: ServiceStore) { data = store }

  @Sendable static func tables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE users (
          userId INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, createdAt TEXT NOT NULL,
          version INTEGER NOT NULL DEFAULT 1)
        """)
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("users") { request, _ in try await create(request) }
    routes.get("users/:id") { _, context in
      let id = try context.number(of: "user")
      return Response.snake(try await data.read { db in try Self.user(id, db) })
    }
    routes.put("users/:id") { request, context in try await update(context.number(of: "user"), request) }
    routes.delete("users/:id") { _, context in try await delete(context.number(of: "user")) }
  }

  private func create(_ request: Request) async throws -> Response {
    let body = try await request.snake(NewUser.self)
    let name = try Checked.text(body.name, field: "name", atMost: Limits.name)
    let email = try Self.email(body.email)
    let user = try await data.write { db in
      try Self.checkFree(email, besides: nil, db)
      try db.execute(
        sql: "INSERT INTO users (name, email, createdAt) VALUES (?, ?, ?)", arguments: [name, email, Date.now])
      let id = Int(db.lastInsertedRowID)
      try data.bus.publishEvent(UserCreated(userId: id, name: name, email: email), about: "user-\(id)", in: db)
      return try Self.user(id, db)
    }
    return .snake(user, status: .created)
  }

  private func update(_ id: Int, _ request: Request) async throws -> Response {
    let body = try await request.snake(Changes.self)
    if body.name == nil, body.email == nil {
      throw APIError.field("name or email", "is missing: send what is to change")
    }
    let name = try body.name.map { try Checked.text($0, field: "name", atMost: Limits.name) }
    let email = try body.email.map(Self.email)
    let user = try await data.write { db in
      let old = try Self.user(id, db)
      if let email { try Self.checkFree(email, besides: id, db) }
      try db.execute(
        sql: "UPDATE users SET name = ?, email = ?, version = version + 1 WHERE userId = ?",
        arguments: [name ?? old.name, email ?? old.email, id])
      let version = try Int.fetchOne(db, sql: "SELECT version FROM users WHERE userId = ?", arguments: [id]) ?? 0
      let user = try Self.user(id, db)
      try data.bus.publishEvent(
        UserUpdated(userId: id, name: user.name, email: user.email, version: version), about: "user-\(id)", in: db)
      return user
    }
    return .snake(user)
  }

  private func delete(_ id: Int) async throws -> Response {
    try await data.write { db in
      _ = try Self.user(id, db)
      try db.execute(sql: "DELETE FROM users WHERE userId = ?", arguments: [id])
      try data.bus.publishEvent(UserDeleted(userId: id), about: "user-\(id)", in: db)
    }
    return Response(status: .noContent)
  }

  private static func user(_ id: Int, _ db: Database) throws -> User {
    let user = try User.fetchOne(
      db, sql: "SELECT userId, name, email, createdAt FROM users WHERE userId = ?", arguments: [id])
    guard let user else { throw APIError.notFound("user", "\(id)") }
    return user
  }

  private static func checkFree(_ email: String, besides id: Int?, _ db: Database) throws {
    let owner = try Int.fetchOne(db, sql: "SELECT userId FROM users WHERE email = ?", arguments: [email])
    if let owner, owner != id { throw APIError.conflict("email_taken", "email belongs to another user: take another") }
  }

  private static func email(_ text: String) throws -> String {
    let text = try Checked.text(text, field: "email", atMost: Limits.email).lowercased()
    guard let address = try? MailAddress(text), address.domain.contains(".") else {
      throw APIError.field("email", "is no mail address: send one like ada@example.org")
    }
    return text
  }
}
