internal import Foundation
internal import GRDB
internal import Warren

/// Lists dead letters. A page costs the same wherever it begins.
struct DeadLetterReader {
  let file: BrokerFile

  func page(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let limit = min(max(0, selection.limit), 10_000)
    return try await file.read { database in
      let topology = try KnownTopology(database)
      // One more than asked for tells whether there is another page.
      let wanted = limit + 1
      let rows = try selection.rows(database, topology, after: selection.after?.position ?? 0, limit: wanted)
      var others: [MessageRow.Column: String] = [.expiresAt: "d.expires_at"]
      if !selection.includesBodies { others[.body] = "x''" }
      let read = try Prepared(
        database,
        """
        SELECT \(MessageRow.selection(with: others))
        FROM dead_letter d JOIN message m ON m.seq = d.seq LEFT JOIN history h ON h.seq = d.seq WHERE d.seq = ?1
        """)
      var letters: [DeadLetter] = []
      var bytes = 0
      var last: Int64?
      for row in rows {
        // Bodies may be large: then a page ends before its limit.
        if letters.count == limit || bytes > DeadLetterPage.bodyLimit {
          return DeadLetterPage(letters: letters, next: last.map { .init(position: $0) })
        }
        let seq: Int64 = row["seq"]
        last = seq
        read.bind(1, seq)
        guard let content = try read.first({ MessageRow($0) }) else { continue }
        bytes += content.message.body.count
        letters.append(
          DeadLetter(
            message: content.message, queue: topology[row["queue"]]?.name ?? "",
            origin: topology[row["origin"]]?.name ?? "", exchange: topology.exchangeName(row["exchange"]),
            routingKey: RoutingKey(row["routing_key"] as String),
            reason: DeadLetterReason(
              DeadLetterReason.Kind(rawValue: row["reason"] as String), row["detail"] as String),
            time: Date(wholeMilliseconds: row["at"]), history: content.history))
      }
      return DeadLetterPage(letters: letters, next: nil)
    }
  }
}

extension DeadLetterSelection {
  /// The rows of the table `dead_letter` that this selects, the oldest first; of a message that was parked in several queues
  /// the first, unless one of them is asked for.
  func rows(
    _ database: Database, _ topology: KnownTopology, after: Int64, before: Int64 = .max, limit: Int
  ) throws -> [Row] {
    var conditions = ["seq > ?", "seq < ?"]
    var arguments: StatementArguments = [after, before]
    func require(_ condition: String, _ argument: (any DatabaseValueConvertible)?) {
      conditions.append(condition)
      arguments += [argument]
    }
    // A queue that is not there has no dead letters.
    if let queue {
      require("queue = ?", topology.queues[queue]?.id ?? -1)
    } else {
      conditions.append("NOT EXISTS (SELECT 1 FROM dead_letter o WHERE o.parking = d.parking AND o.seq < d.seq)")
    }
    if let origin { require("origin = ?", topology.queues[origin]?.id ?? -1) }
    if !ids.isEmpty {
      // As one argument: the number of arguments of a statement is limited.
      let list = (try? JSONEncoder().encode(ids.map(\.rawValue))).map { String(decoding: $0, as: UTF8.self) }
      require("id IN (SELECT value FROM json_each(?))", list ?? "[]")
    }
    if let name { require("name = ?", name.rawValue) }
    if let reason { require("reason = ?", reason.rawValue) }
    if let text { require("instr(reason || ': ' || detail, ?) > 0", text) }
    if let until { require("at <= ?", until.wholeMilliseconds) }
    arguments += [limit]
    return try Row.fetchAll(
      database,
      sql: "SELECT * FROM dead_letter d WHERE \(conditions.joined(separator: " AND ")) ORDER BY seq LIMIT ?",
      arguments: arguments)
  }
}
