internal import Foundation
internal import GRDB
public import Warren

extension SQLiteBroker: DeadLetterBroker {
  /// See ``Warren/DeadLetterBroker/deadLetters(_:)``. A page costs the same wherever it begins.
  public func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let limit = min(max(0, selection.limit), 10_000)
    let body = selection.includesBodies ? "m.body" : "x''"
    return try await read { database in
      let catalogue = try Catalogue(database)
      // One more than asked for tells whether there is another page.
      let found = try selection.rows(database, catalogue, after: selection.after?.position ?? 0, limit: limit + 1)
      let message = try Prepared(
        database,
        """
        SELECT m.id, m.name, m.exchange, m.routing_key, m.content_type, m.encoding, m.correlation, m.causation, m.source,
          m.priority, m.published_at, d.expires_at, m.park_at, m.unique_key, m.headers, \(body), h.record
        FROM dead_letter d JOIN message m ON m.seq = d.seq LEFT JOIN history h ON h.seq = d.seq WHERE d.seq = ?1
        """)
      var letters: [DeadLetter] = []
      var size = 0
      var last: Int64?
      for row in found.prefix(limit) {
        if size > DeadLetterPage.bodyLimit { break }
        last = row["seq"]
        message.bind(1, row["seq"] as Int64)
        let letter = try message.first { content in
          DeadLetter(
            message: Message(content), queue: catalogue[row["queue"]]?.queue.name ?? "",
            origin: catalogue[row["origin"]]?.queue.name ?? "", exchange: catalogue.exchangeName(row["exchange"]),
            routingKey: RoutingKey(row["routing_key"] as String),
            reason: DeadLetterReason(
              DeadLetterReason.Kind(rawValue: row["reason"] as String), row["detail"] as String),
            time: Date(milliseconds: row["at"]), history: History(stored: content.optionalText(16)))
        }
        size += letter?.message.body.count ?? 0
        if let letter { letters.append(letter) }
      }
      let isLast = last == found.last.map { $0["seq"] as Int64 }
      return DeadLetterPage(letters: letters, next: isLast ? nil : last.map { .init(position: $0) })
    }
  }

  /// See ``Warren/DeadLetterBroker/replay(_:)``. Those that a worker holds at the moment are left alone.
  public func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    var report = ReplayReport(replayed: 0, stayed: 0)
    let last = try await inPieces(selection) { transaction, seq in
      if try transaction.replay(seq) { return true }
      return false
    } count: {
      $0 ? (report.replayed += 1) : (report.stayed += 1)
    }
    if report.stayed > 0 { report.next = DeadLetterPage.Cursor(position: last) }
    return report
  }

  /// See ``Warren/DeadLetterBroker/replace(_:in:with:)``.
  public func replace(
    _ id: MessageID, in queue: QueueName?, with edited: Message
  ) async throws(BrokerError) {
    try await waitUntilRunning()
    guard let newID = edited.id, newID != id else {
      throw BrokerError(.invalid, "a changed message is another message: give it an id of its own")
    }
    var edited = edited
    edited.headers["warren-edited-from"] = id.rawValue
    let copy = edited
    try check(Publication(copy, to: .queue(queue ?? "any")))
    try await writer.perform { transaction in
      let selection = DeadLetterSelection(queue: queue, ids: [id], limit: 1)
      let found = try selection.rows(
        transaction.database, transaction.ledger.catalogue, after: 0, limit: 1, onlyWaiting: true)
      guard let row = found.first else {
        throw BrokerError(.notFound, "there is no dead letter '\(id)': it may have been replayed or deleted")
      }
      guard let origin = transaction.ledger.catalogue[row["origin"]] else {
        throw BrokerError(.notFound, "the queue that gave up on '\(id)' is gone: declare it again")
      }
      // The corrected job keeps repeats out as the one before did.
      transaction.statements.readMessage.bind(1, row["seq"] as Int64)
      let unique = try transaction.statements.readMessage.first { UniqueKey($0) } ?? nil
      try transaction.delete(deadLetter: row["seq"], in: row["queue"])
      try transaction.store(
        copy, in: origin.id, exchange: transaction.ledger.catalogue.exchangeName(row["exchange"]),
        key: RoutingKey(row["routing_key"] as String), unique: unique)
    }
  }

  /// See ``Warren/DeadLetterBroker/deleteDeadLetters(_:)``. Those that a worker holds at the moment are left alone.
  public func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    var deleted = 0
    try await inPieces(selection) { transaction, seq in
      guard let queue = try transaction.place(of: seq)?.queue else { return false }
      try transaction.delete(deadLetter: seq, in: queue)
      return true
    } count: {
      deleted += $0 ? 1 : 0
    }
    return deleted
  }

  /// Does something with each selected dead letter that waits, a few hundred to a transaction, so that everybody else goes
  /// on meanwhile. What comes in meanwhile is left alone. Returns the place of the last.
  @discardableResult
  private func inPieces(
    _ selection: DeadLetterSelection, _ act: @escaping @Sendable (Transaction, Int64) throws -> Bool,
    count: (Bool) -> Void
  ) async throws(BrokerError) -> Int64 {
    try await waitUntilRunning()
    var left = max(0, selection.limit)
    var after = selection.after?.position ?? 0
    let end = try await writer.perform { $0.takeSeq() }
    while left > 0 {
      let size = min(left, 250)
      let start = after
      let done = try await writer.perform { transaction in
        let rows = try selection.rows(
          transaction.database, transaction.ledger.catalogue, after: start, before: end, limit: size, onlyWaiting: true)
        return try rows.map { row in (seq: row["seq"] as Int64, done: try act(transaction, row["seq"])) }
      }
      for piece in done { count(piece.done) }
      left -= done.count
      if let last = done.last { after = last.seq }
      if done.count < size { break }
    }
    return after
  }
}

extension DeadLetterSelection {
  /// The rows of the table `dead_letter` that this selects, the oldest first.
  fileprivate func rows(
    _ database: Database, _ catalogue: Catalogue, after: Int64, before: Int64 = .max, limit: Int,
    onlyWaiting: Bool = false
  ) throws -> [Row] {
    var conditions = ["seq > ?", "seq < ?"]
    var arguments: StatementArguments = [after, before]
    func require(_ condition: String, _ argument: (any DatabaseValueConvertible)?) {
      conditions.append(condition)
      arguments += [argument]
    }
    // A queue that is not there has no dead letters.
    if let queue { require("queue = ?", catalogue.queues[queue]?.id ?? -1) }
    if let origin { require("origin = ?", catalogue.queues[origin]?.id ?? -1) }
    if !ids.isEmpty {
      // As one argument: the number of arguments of a statement is limited.
      let list = (try? JSONEncoder().encode(ids.map(\.rawValue))).map { String(decoding: $0, as: UTF8.self) }
      require("id IN (SELECT value FROM json_each(?))", list ?? "[]")
    }
    if let name { require("name = ?", name.rawValue) }
    if let reason { require("reason = ?", reason.rawValue) }
    if let text { require("instr(reason || ': ' || detail, ?) > 0", text) }
    if let until { require("at <= ?", until.milliseconds) }
    if onlyWaiting { conditions.append("NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = dead_letter.seq)") }
    arguments += [limit]
    return try Row.fetchAll(
      database,
      sql: "SELECT * FROM dead_letter WHERE \(conditions.joined(separator: " AND ")) ORDER BY seq LIMIT ?",
      arguments: arguments)
  }
}

extension Transaction {
  /// Sends a dead letter back to the queue that gave up on it, as a new arrival with its old id. `false` when that is gone.
  fileprivate func replay(_ seq: Int64) throws -> Bool {
    let read = statements.readDeadLetter
    read.bind(1, seq)
    let found = try read.first { row in
      (
        queue: row.int(0), origin: row.int(1), exchange: row.optionalInt(2), key: row.text(3),
        expiresAt: row.optionalInt(4)
      )
    }
    guard let found, ledger.catalogue[found.origin] != nil else { return false }
    let known = try history(of: seq).history
    // A time that is over would park it again at once.
    let expiresAt = found.expiresAt.flatMap { $0 > now ? $0 : nil }
    let copy = takeSeq()
    let copyMessage = statements.copyMessage
    copyMessage.bind(1, seq)
    copyMessage.bind(2, copy)
    copyMessage.bind(3, found.origin)
    copyMessage.bind(4, found.exchange)
    copyMessage.bind(5, found.key)
    copyMessage.bind(6, expiresAt)
    copyMessage.bind(7, expiry(in: found.origin, ofMessage: expiresAt))
    try copyMessage.run()
    try write(known.replayed(), of: copy, isIsolated: false)
    try delete(deadLetter: seq, in: found.queue)
    try makeReady(copy, in: found.origin, rank: try place(of: copy)?.rank ?? 0)
    return true
  }

  /// Deletes a dead letter that waits.
  fileprivate func delete(deadLetter seq: Int64, in queue: Int64) throws {
    try removeWaiting(seq, in: queue)
    try remove(seq)
  }
}
