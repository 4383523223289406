internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import GRDB
internal import Hummingbird
internal import Warren
internal import WarrenGRDB

/// Counts all events by type and day, those of services that it does not know as well.
struct AnalyticsService: ServiceContent {
  struct Count: Codable, FetchableRecord {
    var type: String
    /// In UTC, as `2026-11-21`.
    var day: String
    var count: Int
  }
  private struct Answer: Encodable {
    var counts: [Count]
    var total: Int
  }

  private let identity: Identity
  private let data: ServiceStore
  var store: ServiceStore? { data }

  init(_ identity: Identity, _ store: ServiceStore) {
    self.identity = identity
    data = store
  }

  @Sendable static func tables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE counts (
          type TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (type, day)) WITHOUT ROWID
        """)
  }

  func add(to routes: RouterGroup<BasicRequestContext>) {
    routes.get("analytics") { request, _ in
      let (type, day) = (request.query("type"), request.query("day"))
      let counts = try await data.read { db in
        try Count.fetchAll(
          db,
          sql: """
            SELECT * FROM counts WHERE (:type IS NULL OR type = :type) AND (:day IS NULL OR day = :day) ORDER BY day DESC, type
            LIMIT :limit
            """, arguments: ["type": type, "day": day, "limit": Limits.list])
      }
      return Response.snake(Answer(counts: counts, total: counts.reduce(0) { $0 + $1.count }))
    }
  }

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    identity.subscription {
      OnAny { message, context in
        let type = context.routingKey.rawValue
        let day = (message.timestamp ?? .now).formatted(.iso8601.year().month().day())
        // An event without an id cannot be told from its repeat: it may be counted twice.
        guard context.message.id != nil else { return try await data.write { db in try Self.count(type, day, db) } }
        try await data.inbox.once(context, "count") { db in try Self.count(type, day, db) }
      }
    }
  }

  private static func count(_ type: String, _ day: String, _ db: Database) throws {
    try db.execute(
      sql: "INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1", arguments: [type, day])
  }
}
