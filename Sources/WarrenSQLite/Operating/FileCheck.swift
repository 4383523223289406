internal import GRDB
internal import Warren

/// What must be true of the rows of a file, and how it is made true again. It looks at all rows: a second for each few
/// million.
enum FileCheck {
  /// One rule: a statement that counts the rows that break it, and those that repair them.
  struct Rule {
    let text: String
    let count: String
    let repair: [String]
  }

  private static func withoutMessage(_ table: String) -> Rule {
    Rule(
      text: "\(table == "dead_letter" ? "dead letters" : "\(table) rows") without a message",
      count: "SELECT count(*) FROM \(table) WHERE seq NOT IN (SELECT seq FROM message)",
      repair: ["DELETE FROM \(table) WHERE seq NOT IN (SELECT seq FROM message)"])
  }

  /// A value of another kind than its column's was written by a foreign hand. It is read as SQLite converts it, and made so.
  private static func kinds(
    _ table: String, numbers: [String] = [], texts: [String] = [], bytes: [String] = [], mayReplace: Bool = false
  ) -> Rule {
    let columns = [("integer", numbers), ("text", texts), ("blob", bytes)].flatMap { kind, names in
      names.map { (kind: kind, name: $0) }
    }
    let isWrong = columns.map { "typeof(\($0.name)) NOT IN ('\($0.kind)', 'null')" }.joined(separator: " OR ")
    let right = columns.map { "\($0.name) = CAST(\($0.name) AS \($0.kind))" }.joined(separator: ", ")
    return Rule(
      text: "rows of the table '\(table)' with a value that is of no use",
      count: "SELECT count(*) FROM \(table) WHERE \(isWrong)",
      repair: ["UPDATE OR \(mayReplace ? "REPLACE" : "IGNORE") \(table) SET \(right) WHERE \(isWrong)"])
  }

  private static let kinds: [Rule] = [
    kinds("meta", numbers: ["next_seq", "topology_version", "workers_version"]),
    kinds(
      "queue", numbers: ["time_to_live_seconds", "time_to_live_attoseconds", "is_paused"],
      texts: ["name", "dead_exchange", "dead_exchange_kind", "dead_key", "dead_queue"]),
    kinds("exchange", texts: ["name", "kind"]),
    kinds("binding", numbers: ["exchange", "queue"], texts: ["key"], mayReplace: true),
    kinds(
      "message",
      numbers: [
        "queue", "exchange", "priority", "published_at", "expires_at", "park_at", "unique_queue", "unique_window",
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
  ]

  /// In the order in which they are repaired. Messages are never deleted.
  static let rules: [Rule] =
    kinds + ["ready", "delayed", "running", "history", "dead_letter"].map(withoutMessage) + [
      Rule(
        text: "messages of a queue that is not there",
        count: "SELECT count(*) FROM message WHERE queue NOT IN (SELECT id FROM queue)",
        repair: [
          """
          INSERT INTO queue (id, name) SELECT DISTINCT queue, 'warren.found.' || queue FROM message
          WHERE queue NOT IN (SELECT id FROM queue)
          """
        ]),
      Rule(
        text: "messages that wait in the place of another queue",
        count: """
          SELECT count(*) FROM
            (SELECT seq, queue FROM ready UNION ALL SELECT seq, queue FROM delayed UNION ALL SELECT seq, queue FROM running) p
          JOIN message m ON m.seq = p.seq WHERE m.queue <> p.queue
          """,
        repair: ["ready", "delayed", "running"].map {
          "DELETE FROM \($0) WHERE queue <> (SELECT queue FROM message m WHERE m.seq = \($0).seq)"
        }),
      Rule(
        text: "messages in more than one place",
        count: """
          SELECT (SELECT count(*) FROM ready WHERE seq IN (SELECT seq FROM running) OR seq IN (SELECT seq FROM delayed))
            + (SELECT count(*) FROM delayed WHERE seq IN (SELECT seq FROM running))
            + (SELECT count(*) - count(DISTINCT seq) FROM ready)
          """,
        repair: [
          "DELETE FROM ready WHERE seq IN (SELECT seq FROM running) OR seq IN (SELECT seq FROM delayed)",
          "DELETE FROM delayed WHERE seq IN (SELECT seq FROM running)",
          "DELETE FROM ready WHERE EXISTS (SELECT 1 FROM ready r WHERE r.seq = ready.seq AND r.rank < ready.rank)",
        ]),
      Rule(
        text: "deliveries of a worker that is not there",
        count: "SELECT count(*) FROM running WHERE worker NOT IN (SELECT id FROM worker)",
        repair: ["DELETE FROM running WHERE worker NOT IN (SELECT id FROM worker)"]),
      Rule(
        text: "messages in no place",
        count: """
          SELECT count(*) FROM message WHERE seq NOT IN
            (SELECT seq FROM ready UNION ALL SELECT seq FROM delayed UNION ALL SELECT seq FROM running)
          """,
        repair: [
          """
          INSERT INTO ready (queue, rank, seq)
          SELECT m.queue, 9 - m.priority + coalesce(h.isolation, 0), m.seq
          FROM message m LEFT JOIN history h ON h.seq = m.seq WHERE m.seq NOT IN
            (SELECT seq FROM ready UNION ALL SELECT seq FROM delayed UNION ALL SELECT seq FROM running)
          """
        ]),
      Rule(
        text: "queues whose counts are wrong",
        count: """
          SELECT count(*) FROM queue q LEFT JOIN depth d ON d.queue = q.id
          WHERE coalesce(d.ready, -1) <> (SELECT count(*) FROM ready r WHERE r.queue = q.id)
            OR d.delayed <> (SELECT count(*) FROM delayed x WHERE x.queue = q.id)
            OR d.running <> (SELECT count(*) FROM running x WHERE x.queue = q.id)
          """,
        repair: [
          "INSERT OR IGNORE INTO depth (queue) SELECT id FROM queue",
          """
          UPDATE depth SET ready = (SELECT count(*) FROM ready r WHERE r.queue = depth.queue),
            delayed = (SELECT count(*) FROM delayed d WHERE d.queue = depth.queue),
            running = (SELECT count(*) FROM running r WHERE r.queue = depth.queue)
          """,
        ]),
    ]

  /// How many rows break which rule; rules that hold are left out.
  static func broken(_ database: Database) throws -> [(rule: Rule, count: Int)] {
    try rules.compactMap { rule in
      let count = try Int.fetchOne(database, sql: rule.count) ?? 0
      return count > 0 ? (rule, count) : nil
    }
  }

  /// Repairs what is broken, and returns what that was.
  static func repair(_ database: Database) throws -> [(rule: Rule, count: Int)] {
    let found = try broken(database)
    // One repair may be what the next rule looks at, so that all are done, in order.
    if !found.isEmpty { for sql in rules.flatMap(\.repair) { try database.execute(sql: sql) } }
    try database.execute(sql: "DELETE FROM set_aside")
    return found
  }
}
