internal import Foundation
internal import GRDB
internal import Warren

/// Deleted dead letters, which are kept for a day: as many and as large as ``limit`` and ``byteLimit`` say.
struct Trash {
  let file: BrokerFile
  let writer: Writer

  static let lifetime = DeletedDeadLetter.lifetime
  static let limit = DeletedDeadLetter.limit
  static let byteLimit: Int64 = 64 << 20
  /// A larger body is not kept.
  static let bodyLimit = 4 << 20

  func all(limit: Int, now: Date) async throws(BrokerError) -> [DeletedDeadLetter] {
    try await file.read { database in
      guard try AddedTable.trash.isThere(in: database) else { return [] }
      let topology = try KnownTopology(database)
      return try Row.fetchAll(
        database,
        sql: """
          SELECT seq, id, name, queue, origin, reason, deleted_at FROM trash WHERE deleted_at > ?
          ORDER BY number DESC LIMIT ?
          """, arguments: [now.adding(.zero - Self.lifetime).wholeMilliseconds, max(0, limit)]
      ).compactMap { row in
        guard let queue = topology[row.int("queue")]?.name, let origin = topology[row.int("origin")]?.name else {
          return nil
        }
        return DeletedDeadLetter(
          address: MessageID("@\(row.int("seq"))"), id: row.optionalText("id").map { MessageID($0) },
          name: row.optionalText("name").map { MessageName($0) }, queue: queue, origin: origin,
          reason: DeadLetterReason.Kind(rawValue: row.text("reason")),
          time: Date(wholeMilliseconds: row.int("deleted_at")))
      }
    }
  }

  /// In pieces, between which others get their turn.
  func restore(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID] {
    let list = MessageCondition.list(ids.map(\.rawValue))
    let numbers = try await file.read { database in
      guard try AddedTable.trash.isThere(in: database) else { return [Int64]() }
      return try Row.fetchAll(
        database,
        sql: """
          SELECT number FROM trash WHERE id IN (SELECT value FROM json_each(?1))
            OR parking IN (SELECT parking FROM trash WHERE '@' || seq IN (SELECT value FROM json_each(?1)))
          ORDER BY number
          """, arguments: [list]
      ).map { $0.int("number") }
    }
    var restored: [MessageID] = []
    for start in stride(from: 0, to: numbers.count, by: 250) {
      let piece = numbers[start..<min(start + 250, numbers.count)]
      restored += try await writer.perform { transaction in
        try piece.compactMap { try transaction.restore($0) }.map { MessageID("@\($0)") }
      }
    }
    return restored
  }
}

extension Transaction {
  private static let message = MessageRow.Column.allCases.map(\.name)
  /// What is kept of the message itself; its queue, exchange, key and expiry are those of the dead letter or not needed.
  private static let kept = message.filter { !["seq", "queue"].contains($0) }.map { "message_\($0)" }

  /// Deletes a dead letter, and keeps it so that it can be put back.
  func discard(_ letter: WaitingLetter) throws {
    try AddedTable.trash.make(in: database)
    try keep(letter.seq)
    for copy in letter.copies where state.topology[copy.queue]?.isLast ?? true { try keep(copy.seq) }
    try delete(letter)
    try database.execute(
      sql: "DELETE FROM trash WHERE number <= (SELECT max(number) FROM trash) - ?", arguments: [Trash.limit])
    try database.execute(
      sql: "DELETE FROM trash WHERE total <= (SELECT max(total) FROM trash) - ?", arguments: [Trash.byteLimit])
  }

  private func keep(_ seq: Int64) throws {
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO trash (number, seq, queue, origin, parking, id, name, exchange, routing_key, expires_at,
          reason, detail, at, record, \(Self.kept.joined(separator: ", ")), total, deleted_at)
        SELECT \(Schema.nextNumber(in: .trash)), d.seq, d.queue, d.origin, d.parking, d.id, d.name, d.exchange,
          d.routing_key, d.expires_at, d.reason, d.detail, d.at, h.record,
          \(Self.kept.map { "m." + $0.dropFirst("message_".count) }.joined(separator: ", ")),
          coalesce((SELECT max(total) FROM trash), 0) + length(m.body) + 500, ?2
        FROM dead_letter d JOIN message m ON m.seq = d.seq LEFT JOIN history h ON h.seq = d.seq
        WHERE d.seq = ?1 AND length(m.body) <= ?3
        """
    ).execute(arguments: [seq, now, Trash.bodyLimit])
  }

  /// Puts one back. Returns its number as a message; `nil` when it stays where it is.
  func restore(_ number: Int64) throws -> Int64? {
    guard
      let row = try Row.fetchOne(
        database,
        sql: "SELECT seq, queue, origin, parking, message_unique_queue, message_unique_key FROM trash WHERE number = ?",
        arguments: [number])
    else { return nil }
    let (seq, queue) = (row.int("seq"), row.int("queue"))
    guard state.topology[queue] != nil, state.topology[row.int("origin")] != nil, try place(of: seq) == nil else {
      return nil
    }
    if let key = row.optionalText("message_unique_key") {
      // Another queue's copy of the same dead letter is the same job.
      let other = try Int.fetchOne(
        database,
        sql: """
          SELECT 1 FROM message m WHERE unique_queue = ? AND unique_key = ?
            AND NOT EXISTS (SELECT 1 FROM dead_letter d WHERE d.seq = m.seq AND d.parking = ?) LIMIT 1
          """, arguments: [row.int("message_unique_queue"), key, row.int("parking")])
      if other != nil { return nil }
    }
    let columns = Self.message.filter { $0 != "seq" && $0 != "queue" }.joined(separator: ", ")
    try database.execute(
      sql: """
        INSERT INTO message (seq, queue, \(columns)) SELECT seq, queue, \(Self.kept.joined(separator: ", ")) FROM trash
        WHERE number = ?
        """, arguments: [number])
    try database.execute(
      sql: """
        INSERT INTO dead_letter
          (seq, queue, origin, parking, id, name, exchange, routing_key, expires_at, reason, detail, at)
        SELECT seq, queue, origin, parking, id, name, exchange, routing_key, expires_at, reason, detail, at FROM trash
        WHERE number = ?
        """, arguments: [number])
    try database.execute(
      sql: "INSERT OR REPLACE INTO history (seq, isolation, record) SELECT seq, 0, record FROM trash WHERE number = ?",
      arguments: [number])
    try database.execute(sql: "DELETE FROM trash WHERE number = ?", arguments: [number])
    try makeReady(seq, in: queue, rank: try place(of: seq)?.rank ?? 0)
    return seq
  }

  /// Ends that what was deleted long ago can be put back. Returns how many went.
  func emptyTrash(limit: Int) throws -> Int {
    guard try AddedTable.trash.isThere(in: database) else { return 0 }
    try database.execute(
      sql: "DELETE FROM trash WHERE number IN (SELECT number FROM trash WHERE deleted_at <= ? ORDER BY number LIMIT ?)",
      arguments: [now - Trash.lifetime.wholeMilliseconds, limit])
    return database.changesCount
  }
}
