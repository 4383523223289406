internal import Foundation
internal import GRDB
internal import Warren

/// What operators have left, which is read as a whole.
extension FileCheck {
  static let records: [Rule] = [
    // Its place in the log and what it says stay: only that it is no entry is said.
    Rule(text: "entries of the audit log that cannot be read", in: .audit) {
      try unreadable(in: .audit, $0) { OperatorRecord.auditEntry($0.text("entry")) == nil }.count
    } repair: { database in
      for row in try unreadable(in: .audit, database, { OperatorRecord.auditEntry($0.text("entry")) == nil }) {
        let entry = AuditEntry(
          time: Date(timeIntervalSince1970: 0), actor: "unknown", action: "unreadable", stage: .failed,
          note: String(row.text("entry").prefix(1000)))
        try database.execute(
          sql: "UPDATE audit SET entry = ? WHERE number = ?",
          arguments: [OperatorRecord.write(entry), row.int("number")])
      }
    },
    // What it was to do is not known any more; what it has done stays done.
    Rule(text: "bulk operations that cannot be read", in: .bulkOperation) {
      try unreadable(in: .bulkOperation, $0, isNoOperation).count
    } repair: { database in
      for row in try unreadable(in: .bulkOperation, database, isNoOperation) {
        try database.execute(sql: "DELETE FROM bulk_operation WHERE number = ?", arguments: [row.int("number")])
      }
    },
  ]

  private static func isNoOperation(_ row: Row) -> Bool {
    OperatorRecord.bulkOperation(row.text("record"), id: row.text("id")) == nil
  }

  private static func unreadable(
    in table: AddedTable, _ database: Database, _ isUnreadable: (Row) -> Bool
  ) throws -> [Row] {
    var found: [Row] = []
    let rows = try Row.fetchCursor(database, sql: "SELECT * FROM \(table.rawValue)")
    while let row = try rows.next() {
      if isUnreadable(row) { found.append(row.copy()) }
    }
    return found
  }
}
