public import Foundation
public import GRDB
public import Warren

/// A store (``Warren/StateStore``) in the application's own database, for what an engine such as RabbitMQ cannot hold: which ticks of a
/// schedule have run. It serves all processes that open the database.
///
/// ```swift
/// let scheduler = try Scheduler(bus, store: DatabaseStore(database)) { … }
/// ```
/// The table comes with `registerWarrenTables()`.
public struct DatabaseStore: StateStore {
  /// The application's database.
  public let database: any DatabaseWriter
  private let clock: any BrokerClock

  /// A store in the application's database.
  ///
  /// - Parameter clock: what the time of records is over by.
  public init(_ database: any DatabaseWriter, clock: any BrokerClock = SystemClock()) {
    self.database = database
    self.clock = clock
  }

  /// See ``Warren/StateStore/record(_:)``.
  public func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? {
    let now = clock.now.wholeMilliseconds
    return try await explained { try await database.read { try Self.record(key, $0, now) } }
  }

  /// See ``Warren/StateStore/records(of:)``.
  public func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] {
    let now = clock.now.wholeMilliseconds
    return try await explained {
      try await database.read { db in
        let select = try db.cachedStatement(
          sql: """
            SELECT kind, name, version, expires_at, value FROM warren_store
            WHERE kind = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY name
            """)
        return try Row.fetchAll(select, arguments: [kind.rawValue, now]).map(Self.record)
      }
    }
  }

  /// See ``Warren/StateStore/write(_:to:replacing:until:)``.
  public func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    let now = clock.now.wholeMilliseconds
    let record = StoreRecord(key, value: value, version: .unique(), expiry: expiry)
    return try await explained {
      try await database.write { db in
        // Each write takes out some whose time is over, so that they do not pile up.
        try db.execute(
          sql: """
            DELETE FROM warren_store WHERE (kind, name) IN
              (SELECT kind, name FROM warren_store WHERE expires_at <= ? LIMIT 10)
            """, arguments: [now])
        guard try Self.record(key, db, now)?.version == version else { return nil }
        try db.execute(
          sql: "INSERT OR REPLACE INTO warren_store (kind, name, version, expires_at, value) VALUES (?, ?, ?, ?, ?)",
          arguments: [key.kind.rawValue, key.name, record.version.rawValue, expiry?.wholeMilliseconds, value])
        return record
      }
    }
  }

  /// See ``Warren/StateStore/remove(_:_:)``.
  public func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    try await explained {
      try await database.write { db in
        try db.execute(
          sql: "DELETE FROM warren_store WHERE kind = ? AND name = ? AND version = ?",
          arguments: [key.kind.rawValue, key.name, version.rawValue])
        return db.changesCount > 0
      }
    }
  }

  private static func record(_ key: StoreKey, _ db: Database, _ now: Int64) throws -> StoreRecord? {
    let select = try db.cachedStatement(
      sql: """
        SELECT kind, name, version, expires_at, value FROM warren_store
        WHERE kind = ? AND name = ? AND (expires_at IS NULL OR expires_at > ?)
        """)
    return try Row.fetchOne(select, arguments: [key.kind.rawValue, key.name, now]).map(record)
  }

  private static func record(_ row: Row) -> StoreRecord {
    StoreRecord(
      StoreKey(StoreKind(row[0]), row[1]), value: row[4], version: StoreVersion(rawValue: row[2]),
      expiry: (row[3] as Int64?).map { Date(wholeMilliseconds: $0) })
  }

  private func explained<Result: Sendable>(_ body: () async throws -> Result) async throws(BrokerError) -> Result {
    do {
      return try await body()
    } catch let error as BrokerError {
      throw error
    } catch let error as DatabaseError where error.message?.contains("no such table: \(Tables.store)") == true {
      throw BrokerError(
        .invalid,
        "the database has no table '\(Tables.store)': call `migrator.registerWarrenTables()` where the application's "
          + "migrations are", underlying: error)
    } catch {
      throw BrokerError(
        .unavailable, "the store in the application's database cannot be used now: \(error)", underlying: error)
    }
  }
}
