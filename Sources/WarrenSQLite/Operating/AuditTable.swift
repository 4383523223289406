internal import Foundation
internal import GRDB
internal import Warren

/// The audit log in the broker's file.
struct AuditTable {
  let file: BrokerFile
  let writer: Writer

  func record(_ entry: AuditEntry) async throws(BrokerError) {
    let text = try OperatorRecord.write(entry)
    try await writer.perform { transaction in
      try AddedTable.audit.make(in: transaction.database)
      try transaction.database.execute(
        sql: "INSERT INTO audit (number, entry) VALUES (\(Schema.nextNumber(in: .audit)), ?)", arguments: [text])
    }
  }

  func entries(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await read("WHERE number > ? ORDER BY number LIMIT ?", [number, max(0, limit)])
  }

  func newest(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await read("ORDER BY number DESC LIMIT ?", [max(0, limit)])
  }

  private func read(_ which: String, _ arguments: StatementArguments) async throws(BrokerError) -> [AuditEntry] {
    try await file.read { database in
      guard try AddedTable.audit.isThere(in: database) else { return [] }
      return try Row.fetchAll(database, sql: "SELECT number, entry FROM audit \(which)", arguments: arguments)
        .compactMap { row in
          var entry = OperatorRecord.auditEntry(row.text("entry"))
          entry?.number = row.int("number")
          return entry
        }
    }
  }
}
