internal import Foundation
internal import GRDB
internal import Warren

/// Bulk operations in the broker's file. A step and what it says about the operation are one transaction.
struct BulkWork {
  let file: BrokerFile
  let writer: Writer

  /// One step is no longer, so that all others go on meanwhile.
  private static let longestStep = 250

  func keep(_ operation: BulkOperation) async throws(BrokerError) {
    let text = try OperatorRecord.write(operation)
    try await writer.perform { transaction in
      try AddedTable.bulkOperation.make(in: transaction.database)
      try transaction.database.execute(
        sql: """
          INSERT INTO bulk_operation (number, id, after, before, record)
          VALUES (\(Schema.nextNumber(in: .bulkOperation)), ?, 0, ?, ?)
          """,
        arguments: [operation.id, transaction.takeSeq(), text])
    }
  }

  func all(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    try await file.read { database in
      guard try AddedTable.bulkOperation.isThere(in: database) else { return [] }
      return try Row.fetchAll(
        database, sql: "SELECT id, record FROM bulk_operation ORDER BY number DESC LIMIT ?", arguments: [max(0, limit)]
      ).compactMap { OperatorRecord.bulkOperation($0.text("record"), id: $0.text("id")) }
    }
  }

  func one(_ id: String) async throws(BrokerError) -> BulkOperation? {
    try await file.read { try KeptOperation($0, id)?.operation }
  }

  func change(
    _ id: String, _ change: @escaping @Sendable (inout BulkOperation, _ now: Date) -> Void
  ) async throws(BrokerError) -> BulkOperation {
    try await writer.perform { transaction in
      var kept = try KeptOperation.existing(transaction.database, id)
      guard kept.operation.state == .running else { return kept.operation }
      change(&kept.operation, transaction.time)
      try kept.save(transaction.database)
      return kept.operation
    }
  }

  /// What is next is looked for in a snapshot, which holds no writer up, and looked at again in the transaction.
  func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation {
    let (kept, wanted, found) = try await file.read { database in
      let kept = try KeptOperation.existing(database, id)
      let wanted = min(max(1, limit), Self.longestStep, kept.operation.left)
      guard kept.operation.state == .running, wanted > 0 else { return (kept, wanted, [Int64]()) }
      let rows = try kept.operation.selection.rows(
        database, KnownTopology(database), after: kept.after, before: kept.before, limit: wanted)
      return (kept, wanted, rows.map { $0.int("seq") })
    }
    if kept.operation.state != .running { return kept.operation }
    return try await writer.perform { transaction in
      var current = try KeptOperation.existing(transaction.database, id)
      guard current.operation.state == .running else { return current.operation }
      guard current.operation.runner == runner, current.after == kept.after else {
        throw BrokerError(.unavailable, "'\(current.operation.runner)' has taken over the operation '\(id)'")
      }
      for seq in found {
        try transaction.deal(with: seq, &current.operation)
        current.after = seq
      }
      if found.count < wanted || current.operation.left == 0 {
        // Those that were counted at the beginning and are not there any more.
        current.operation.skipped.gone += current.operation.left
        current.operation.state = .done
      }
      current.operation.updated = transaction.time
      try current.save(transaction.database)
      return current.operation
    }
  }
}

/// A row of the table `bulk_operation`.
private struct KeptOperation: Sendable {
  var after: Int64
  var before: Int64
  var operation: BulkOperation

  init?(_ database: Database, _ id: String) throws {
    guard try AddedTable.bulkOperation.isThere(in: database),
      let row = try Row.fetchOne(
        database, sql: "SELECT after, before, record FROM bulk_operation WHERE id = ?", arguments: [id]),
      let operation = OperatorRecord.bulkOperation(row.text("record"), id: id)
    else { return nil }
    after = row.int("after")
    before = row.int("before")
    self.operation = operation
  }

  static func existing(_ database: Database, _ id: String) throws -> KeptOperation {
    guard let kept = try KeptOperation(database, id) else {
      throw BrokerError(.notFound, "there is no operation '\(id)'")
    }
    return kept
  }

  func save(_ database: Database) throws {
    try database.execute(
      sql: "UPDATE bulk_operation SET after = ?, record = ? WHERE id = ?",
      arguments: [after, OperatorRecord.write(operation), operation.id])
  }
}

extension Transaction {
  /// Does to one dead letter what an operation does, and counts it.
  fileprivate func deal(with seq: Int64, _ operation: inout BulkOperation) throws {
    guard let letter = try waitingLetter(seq) else {
      statements.readDeadLetter.bind(1, seq)
      let isThere = try statements.readDeadLetter.first { _ in true } != nil
      if isThere { operation.skipped.held += 1 } else { operation.skipped.gone += 1 }
      return
    }
    switch operation.action {
    case .replay:
      if try replay(letter) { operation.done += 1 } else { operation.skipped.unreachable += 1 }
    case .delete:
      try discard(letter)
      operation.done += 1
    }
  }
}
