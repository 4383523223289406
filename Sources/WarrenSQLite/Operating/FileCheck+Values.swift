internal import GRDB
internal import Warren

/// What kind of value is in a column.
extension FileCheck {
  /// A value of another kind than its column's was written by a foreign hand. It is read as SQLite converts it, and made so.
  ///
  /// - Parameters:
  ///   - mayReplace: whether it takes the place of a row that has the same key then.
  ///   - otherwise: what is done with a row whose key another has then.
  private static func kinds(
    _ table: String, in added: AddedTable? = nil, numbers: [String] = [], texts: [String] = [], bytes: [String] = [],
    mayReplace: Bool = false,
    otherwise: String? = nil
  ) -> Rule {
    let columns = [("integer", numbers), ("text", texts), ("blob", bytes)].flatMap { kind, names in
      names.map { (kind: kind, name: $0) }
    }
    let isWrong = columns.map { "typeof(\($0.name)) NOT IN ('\($0.kind)', 'null')" }.joined(separator: " OR ")
    let right = columns.map { "\($0.name) = CAST(\($0.name) AS \($0.kind))" }.joined(separator: ", ")
    let convert = "UPDATE OR \(mayReplace ? "REPLACE" : "IGNORE") \(table) SET \(right) WHERE \(isWrong)"
    return Rule(
      text: "rows of the table '\(table)' with a value that is of no use", in: added,
      count: "SELECT count(*) FROM \(table) WHERE \(isWrong)",
      repair: [convert] + (otherwise.map { ["\($0) WHERE \(isWrong)", convert] } ?? []))
  }

  static let kinds: [Rule] = [
    kinds("meta", numbers: ["next_seq", "topology_version", "workers_version"]),
    kinds(
      "queue", numbers: ["time_to_live_seconds", "time_to_live_attoseconds", "is_paused"],
      texts: ["name", "dead_exchange", "dead_exchange_kind", "dead_key", "dead_queue"],
      otherwise: "UPDATE queue SET name = 'warren.found.' || id"),
    kinds(
      "exchange", texts: ["name", "kind"], otherwise: "UPDATE exchange SET name = 'warren.found.' || id"),
    kinds("binding", numbers: ["exchange", "queue"], texts: ["key"], mayReplace: true),
    kinds(
      "message",
      numbers: [
        "queue", "exchange", "priority", "published_at", "expires_at", "park_at", "unique_queue", "unique_window",
        "unique_since",
      ],
      texts: [
        "id", "name", "routing_key", "content_type", "encoding", "correlation", "causation", "source", "unique_key",
        "headers",
      ], bytes: ["body"]),
    // A place is made again for a message that has none.
    kinds("ready", numbers: ["queue", "rank", "seq"], mayReplace: true),
    kinds("delayed", numbers: ["queue", "due"]),
    kinds("running", numbers: ["queue", "worker", "fence", "since", "is_suspect"]),
    kinds("history", numbers: ["isolation"], texts: ["record"]),
    kinds(
      "dead_letter", numbers: ["queue", "origin", "parking", "exchange", "expires_at", "at"],
      texts: ["id", "name", "routing_key", "reason", "detail"]),
    kinds(
      "depth",
      numbers: ["ready", "delayed", "running", "published", "completed", "retried", "dead_lettered"]),
    kinds("finished", numbers: ["queue", "until"], texts: ["key"], mayReplace: true),
    kinds("worker", numbers: ["device", "inode", "since"], texts: ["file", "name"]),
    kinds("worker_queue", numbers: ["worker", "queue", "consumers"], mayReplace: true),
    kinds(
      "record", in: .record, numbers: ["version", "expires_at"], texts: ["kind", "name"], bytes: ["value"],
      otherwise: "DELETE FROM record"),
    kinds("audit", in: .audit, texts: ["entry"]),
    kinds(
      "bulk_operation", in: .bulkOperation, numbers: ["after", "before"], texts: ["id", "record"],
      otherwise: "UPDATE bulk_operation SET id = 'found-' || number"),
    kinds(
      "asked_binding", in: .askedBinding, numbers: ["worker", "queue"], texts: ["exchange", "key"], mayReplace: true),
    kinds(
      "sample", in: .sample,
      numbers: ["queue", "slot", "time", "published", "completed", "failed", "depth", "oldest"], mayReplace: true),
    kinds(
      "trash", in: .trash,
      numbers: [
        "seq", "deleted_at", "total", "queue", "origin", "parking", "exchange", "expires_at", "at", "message_exchange",
        "message_priority", "message_published_at", "message_expires_at", "message_park_at", "message_unique_queue",
        "message_unique_window", "message_unique_since",
      ],
      texts: [
        "id", "name", "routing_key", "reason", "detail", "record", "message_id", "message_name", "message_routing_key",
        "message_content_type", "message_encoding", "message_correlation", "message_causation", "message_source",
        "message_unique_key", "message_headers",
      ], bytes: ["message_body"], otherwise: "DELETE FROM trash"),
  ]

  /// What numbers a row that is made next. A number at the end of all leaves none for it, and no process could begin.
  static let numbers: [Rule] = [
    Rule(
      text: "tables whose next number is none",
      count: "SELECT count(*) FROM sqlite_sequence WHERE \(isNoNumber("seq")) OR typeof(name) <> 'text'",
      repair: [
        // A process that sleeps may hold one that was given out, so that the next are far from it.
        """
        UPDATE sqlite_sequence SET seq = 1000000 + (SELECT coalesce(max(id), 0) FROM worker WHERE NOT \(isNoNumber("id")))
        WHERE name = 'worker' AND \(isNoNumber("seq"))
        """,
        "DELETE FROM sqlite_sequence WHERE \(isNoNumber("seq")) OR typeof(name) <> 'text'",
      ]),
    Rule(
      text: "workers whose number leaves none for the next",
      count: "SELECT count(*) FROM worker WHERE \(isNoNumber("id"))",
      repair: ["DELETE FROM worker WHERE \(isNoNumber("id"))"]),
    lastNumbers(.audit), lastNumbers(.bulkOperation), lastNumbers(.trash),
  ]

  private static func isNoNumber(_ column: String) -> String {
    "(typeof(\(column)) <> 'integer' OR \(column) NOT BETWEEN 0 AND \(Schema.lastNumber))"
  }

  private static func lastNumbers(_ table: AddedTable) -> Rule {
    let name = table.rawValue
    let isLast = "number > \(Schema.lastNumber)"
    return Rule(
      text: "rows of the table '\(name)' whose number leaves none for the next", in: table,
      count: "SELECT count(*) FROM \(name) WHERE \(isLast)",
      repair: [
        """
        UPDATE \(name) SET number = n.next FROM (
          SELECT number AS last, row_number() OVER (ORDER BY number)
            + (SELECT coalesce(max(number), 0) FROM \(name) WHERE NOT \(isLast)) AS next
          FROM \(name) WHERE \(isLast)) n
        WHERE number = n.last
        """
      ])
  }
}
