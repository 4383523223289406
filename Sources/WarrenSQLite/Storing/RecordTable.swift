internal import Foundation
internal import GRDB
internal import Warren

/// The records of ``Warren/StateStore`` in the broker's file.
enum RecordTable {
  private static let columns = "kind, name, version, expires_at, value"

  static func read(_ key: StoreKey, _ database: Database, now: Int64) throws -> StoreRecord? {
    guard try AddedTable.record.isThere(in: database) else { return nil }
    return try Row.fetchOne(
      database,
      sql: """
        SELECT \(columns) FROM record WHERE kind = ? AND name = ? AND (expires_at IS NULL OR expires_at > ?)
        """, arguments: [key.kind.rawValue, key.name, now]
    ).map(record)
  }

  static func read(_ kind: StoreKind, _ database: Database, now: Int64) throws -> [StoreRecord] {
    guard try AddedTable.record.isThere(in: database) else { return [] }
    return try Row.fetchAll(
      database,
      sql: """
        SELECT \(columns) FROM record WHERE kind = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY name
        """, arguments: [kind.rawValue, now]
    ).map(record)
  }

  private static func record(_ row: Row) -> StoreRecord {
    StoreRecord(
      StoreKey(StoreKind(row.text("kind")), row.text("name")), value: row.data("value"),
      version: StoreVersion(rawValue: row.int("version")),
      expiry: row.optionalInt("expires_at").map { Date(wholeMilliseconds: $0) })
  }
}

extension Transaction {
  /// Writes a record if what is there is what the caller has seen, and takes out some whose time is over.
  func write(_ record: StoreRecord, replacing version: StoreVersion?) throws -> StoreRecord? {
    try AddedTable.record.make(in: database)
    try database.execute(
      sql: """
        DELETE FROM record WHERE (kind, name) IN (SELECT kind, name FROM record WHERE expires_at <= ? LIMIT 10)
        """, arguments: [now])
    let found = try RecordTable.read(record.key, database, now: now)
    guard found?.version == version else { return nil }
    try database.execute(
      sql: "INSERT OR REPLACE INTO record (kind, name, version, expires_at, value) VALUES (?, ?, ?, ?, ?)",
      arguments: [
        record.key.kind.rawValue, record.key.name, record.version.rawValue, record.expiry?.wholeMilliseconds,
        record.value,
      ])
    return record
  }

  /// Removes a record if it is this version. Returns whether it was.
  func remove(_ key: StoreKey, _ version: StoreVersion) throws -> Bool {
    guard try RecordTable.read(key, database, now: now)?.version == version else { return false }
    try database.execute(
      sql: "DELETE FROM record WHERE kind = ? AND name = ?", arguments: [key.kind.rawValue, key.name])
    return true
  }
}
