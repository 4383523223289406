internal import Foundation
internal import GRDB
internal import Warren

/// The audit log in the broker's file. The table is made with its first entry, so that a file of an earlier version has it, too.
struct AuditTable {
  let file: BrokerFile
  let writer: Writer

  func record(_ entry: AuditEntry) async throws(BrokerError) {
    let text = try OperatorRecord.write(entry)
    try await writer.perform { transaction in
      try transaction.database.execute(
        sql: "CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL)")
      try transaction.database.execute(sql: "INSERT INTO audit (entry) VALUES (?)", arguments: [text])
    }
  }

  func entries(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await file.read { database in
      guard try OperatorRecord.hasTable("audit", database) else { return [] }
      return try Row.fetchAll(
        database, sql: "SELECT number, entry FROM audit WHERE number > ? ORDER BY number LIMIT ?",
        arguments: [number, max(0, limit)]
      ).compactMap { row in
        var entry: AuditEntry? = OperatorRecord.read(row["entry"])
        entry?.number = row["number"]
        return entry
      }
    }
  }
}

/// What operators leave in the file is JSON in one column: it is read whole, and seldom.
enum OperatorRecord {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .millisecondsSince1970
    encoder.outputFormatting = [.sortedKeys]
    return encoder
  }()
  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .millisecondsSince1970
    return decoder
  }()

  static func write(_ value: some Encodable) throws(BrokerError) -> String {
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw BrokerError(.invalid, "what is to be kept cannot be written as JSON: \(error)", underlying: error)
    }
  }

  static func read<Value: Decodable>(_ text: String) -> Value? {
    try? decoder.decode(Value.self, from: Data(text.utf8))
  }

  static func hasTable(_ name: String, _ database: Database) throws -> Bool {
    try Int.fetchOne(
      database, sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [name]) != nil
  }
}
