internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import HTTPTypes
internal import Hummingbird
internal import Warren
internal import WarrenGRDB

/// Owns concerts ("events"), posts and who likes them.
struct PublicationsService: ServiceContent {
  private let identity: Identity
  let data: ServiceStore
  var store: ServiceStore? { data }

  init(_ identity: Identity, _ store: ServiceStore) {
    self.identity = identity
    data = store
  }

  @Sendable static func tables(_ db: Database) throws {
    try KnownUsers.create(db)
    try db.execute(
      sql: """
        CREATE TABLE concerts (
          eventId INTEGER PRIMARY KEY AUTOINCREMENT, userId INTEGER NOT NULL, title TEXT NOT NULL, venue TEXT, startsAt TEXT,
          version INTEGER NOT NULL DEFAULT 1);
        CREATE TABLE posts (
          postId INTEGER PRIMARY KEY AUTOINCREMENT, userId INTEGER NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL,
          createdAt TEXT NOT NULL);
        CREATE INDEX postsOfUser ON posts (userId);
        CREATE TABLE likes (
          postId INTEGER NOT NULL REFERENCES posts (postId) ON DELETE CASCADE, userId INTEGER NOT NULL,
          PRIMARY KEY (postId, userId)) WITHOUT ROWID;
        CREATE INDEX likesOfUser ON likes (userId);
        """)
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    ConcertRoutes(data: data).add(to: routes)
    PostRoutes(data: data).add(to: routes)
  }

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    identity.subscription {
      KnownUsers.handlers(data.inbox) { user, db in
        try db.execute(sql: "DELETE FROM likes WHERE userId = ?", arguments: [user])
        try db.execute(sql: "DELETE FROM posts WHERE userId = ?", arguments: [user])
      }
    }
  }
}

/// Concerts.
private struct ConcertRoutes: Sendable {
  struct Concert: Codable, FetchableRecord {
    var eventId: Int
    var userId: Int
    var title: String
    var venue: String?
    var startsAt: Date?
    var version: Int
  }
  private struct NewConcert: Decodable {
    var userId: Int
    var title: String
    var venue: String?
    var startsAt: String?
  }
  private struct Changes: Decodable {
    /// Who changes it. Without it the caller is trusted, as the whole system trusts its callers.
    var userId: Int?
    var title: String?
    var venue: String?
    var startsAt: String?
  }
  let data: ServiceStore

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("events") { request, _ in try await create(request) }
    routes.get("events/:id") { _, context in
      let id = try context.number(of: "event")
      return Response.snake(try await data.read { db in try Self.concert(id, db) })
    }
    routes.put("events/:id") { request, context in try await update(context.number(of: "event"), request) }
    routes.post("events/:id/reminders") { _, context in try await remind(context.number(of: "event")) }
  }

  private func create(_ request: Request) async throws -> Response {
    let body = try await request.snake(NewConcert.self)
    let title = try Checked.text(body.title, field: "title", atMost: Limits.title)
    let venue = try body.venue.map { try Checked.text($0, field: "venue", atMost: Limits.title) }
    let startsAt = try body.startsAt.map(Self.time)
    let concert = try await data.write { db in
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      try db.execute(
        sql: "INSERT INTO concerts (userId, title, venue, startsAt) VALUES (?, ?, ?, ?)",
        arguments: [body.userId, title, venue, startsAt])
      let id = Int(db.lastInsertedRowID)
      try data.bus.publishEvent(
        EventCreated(eventId: id, eventName: title, userId: body.userId, venue: venue, startsAt: startsAt),
        about: "event-\(id)", in: db)
      return try Self.concert(id, db)
    }
    return .snake(concert, status: .created)
  }

  private func update(_ id: Int, _ request: Request) async throws -> Response {
    let body = try await request.snake(Changes.self)
    if body.title == nil, body.venue == nil, body.startsAt == nil {
      throw APIError.field("title, venue or starts_at", "is missing: send what is to change")
    }
    let title = try body.title.map { try Checked.text($0, field: "title", atMost: Limits.title) }
    let venue = try body.venue.map { try Checked.text($0, field: "venue", atMost: Limits.title) }
    let startsAt = try body.startsAt.map(Self.time)
    let concert = try await data.write { db in
      let old = try Self.concert(id, db)
      if let user = body.userId, user != old.userId {
        throw APIError(
          .forbidden, "forbidden", "user_id did not create event \(id): only its creator may change it")
      }
      try db.execute(
        sql: "UPDATE concerts SET title = ?, venue = ?, startsAt = ?, version = version + 1 WHERE eventId = ?",
        arguments: [title ?? old.title, venue ?? old.venue, startsAt ?? old.startsAt, id])
      let concert = try Self.concert(id, db)
      try data.bus.publishEvent(
        EventUpdated(
          eventId: id, eventName: concert.title, userId: concert.userId, venue: concert.venue,
          startsAt: concert.startsAt, version: concert.version), about: "event-\(id)", in: db)
      return concert
    }
    return .snake(concert)
  }

  private func remind(_ id: Int) async throws -> Response {
    try await data.write { db in
      let concert = try Self.concert(id, db)
      try data.bus.publishEvent(
        EventReminder(eventId: id, eventName: concert.title), about: "event-\(id)", in: db)
    }
    struct Accepted: Encodable {
      var eventId: Int
      var reminder = "queued"
    }
    return .snake(Accepted(eventId: id), status: .accepted)
  }

  private static func concert(_ id: Int, _ db: Database) throws -> Concert {
    let concert = try Concert.fetchOne(db, sql: "SELECT * FROM concerts WHERE eventId = ?", arguments: [id])
    guard let concert else { throw APIError.notFound("event", "\(id)") }
    return concert
  }

  private static func time(_ text: String) throws -> Date {
    guard text.count <= 40, let time = try? Date(text, strategy: .iso8601), time > .now else {
      throw APIError.field("starts_at", "must be a time to come, in ISO 8601, such as 2030-06-01T19:00:00Z")
    }
    return time
  }
}

/// Posts and likes.
private struct PostRoutes: Sendable {
  struct Post: Codable, FetchableRecord {
    var postId: Int
    var userId: Int
    var title: String
    var content: String
    var createdAt: Date
  }
  private struct NewPost: Decodable {
    var userId: Int
    var title: String
    var content: String?
  }
  private struct Like: Codable {
    var userId: Int
  }
  let data: ServiceStore

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.post("posts") { request, _ in try await create(request) }
    routes.get("posts/:id") { _, context in
      let id = try context.number(of: "post")
      return Response.snake(try await data.read { db in try Self.post(id, db) })
    }
    routes.post("posts/:id/likes") { request, context in try await like(context.number(of: "post"), request) }
  }

  private func create(_ request: Request) async throws -> Response {
    let body = try await request.snake(NewPost.self)
    let title = try Checked.text(body.title, field: "title", atMost: Limits.title)
    let content = try Checked.lines(body.content ?? "", field: "content", atMost: Limits.content)
    let post = try await data.write { db in
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      try db.execute(
        sql: "INSERT INTO posts (userId, title, content, createdAt) VALUES (?, ?, ?, ?)",
        arguments: [body.userId, title, content, Date.now])
      let id = Int(db.lastInsertedRowID)
      try data.bus.publishEvent(
        PostCreated(postId: id, userId: body.userId, title: title), about: "post-\(id)", in: db)
      return try Self.post(id, db)
    }
    return .snake(post, status: .created)
  }

  private func like(_ id: Int, _ request: Request) async throws -> Response {
    let body = try await request.snake(Like.self)
    try await data.write { db in
      let post = try Self.post(id, db)
      try KnownUsers.require(body.userId, field: "user_id", in: db)
      try db.execute(sql: "INSERT OR IGNORE INTO likes VALUES (?, ?)", arguments: [id, body.userId])
      if db.changesCount == 0 { throw APIError.conflict("liked_already", "user_id likes this post already") }
      try data.bus.publishEvent(PostLiked(postId: id, userId: body.userId), about: "post-\(id)", in: db)
      if body.userId != post.userId {
        try data.bus.sendNotification(
          to: post.userId, kind: "like", title: "New Like", message: "Someone liked your post",
          related: .to("post", id), in: db)
      }
    }
    struct Liked: Encodable {
      var postId: Int
      var userId: Int
    }
    return .snake(Liked(postId: id, userId: body.userId), status: .created)
  }

  private static func post(_ id: Int, _ db: Database) throws -> Post {
    let post = try Post.fetchOne(db, sql: "SELECT * FROM posts WHERE postId = ?", arguments: [id])
    guard let post else { throw APIError.notFound("post", "\(id)") }
    return post
  }
}
