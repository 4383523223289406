internal import Foundation
internal import GRDB
internal import Warren

/// Tells what is in the file.
struct Inspector {
  let file: BrokerFile

  /// All queues, or one of them. Counts are kept as messages come and go, so this is as quick with millions of messages as with none.
  func queues(_ name: QueueName? = nil) async throws(BrokerError) -> [QueueStatus] {
    try await file.read { database in
      let topology = try KnownTopology(database)
      var consumers: [Int64: Int] = [:]
      for row in try Row.fetchAll(database, sql: "SELECT queue, sum(consumers) AS n FROM worker_queue GROUP BY queue") {
        consumers[row.int("queue")] = row.count("n")
      }
      let chosen = name.map { topology.queues[$0]?.id ?? -1 }
      let depths = try Row.fetchAll(
        database, sql: "SELECT * FROM depth WHERE ?1 IS NULL OR queue = ?1", arguments: [chosen])
      return try depths.compactMap { depth in
        guard let known = topology[depth.int("queue")] else { return nil }
        return QueueStatus(
          name: known.name, ready: depth.count("ready"), delayed: depth.count("delayed"),
          running: depth.count("running"),
          oldest: depth.count("ready") == 0 ? nil : try Self.oldest(in: known.id, database),
          isPaused: known.isPaused, holdsDeadLetters: known.isLast,
          deadLetterQueue: known.queue.deadLetter?.queue, consumers: consumers[known.id] ?? 0,
          totals: .init(
            published: depth.count("published"), completed: depth.count("completed"), retried: depth.count("retried"),
            deadLettered: depth.count("dead_lettered")))
      }
      .sorted { $0.name < $1.name }
    }
  }

  /// The first of each rank, of which there are few, instead of a walk through all that waits.
  private static func oldest(in queue: Int64, _ database: Database) throws -> Date? {
    var first = try Int64.fetchOne(
      database, sql: "SELECT min(seq) FROM ready WHERE queue = ? AND rank >= ?",
      arguments: [queue, Schema.suspectRank])
    for rank in 0...9 {
      let seq = try Int64.fetchOne(
        database.cachedStatement(sql: "SELECT min(seq) FROM ready WHERE queue = ? AND rank = ?"),
        arguments: [queue, rank])
      if let seq { first = min(first ?? seq, seq) }
    }
    guard let first else { return nil }
    return try Row.fetchOne(database, sql: "SELECT published_at FROM message WHERE seq = ?", arguments: [first])?
      .optionalInt("published_at").map { Date(wholeMilliseconds: $0) }
  }

  /// Processes that consume nothing are not among them.
  func workers() async throws(BrokerError) -> [WorkerStatus] {
    try await file.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT id, name, since, (SELECT count(*) FROM running WHERE worker = worker.id) AS running FROM worker
          ORDER BY since, id
          """
      ).map { row in
        let queues = try Row.fetchAll(
          database,
          sql: """
            SELECT q.name FROM worker_queue w JOIN queue q ON q.id = w.queue WHERE w.worker = ? ORDER BY q.name
            """, arguments: [row.int("id")]
        ).map { QueueName($0.text("name")) }
        return WorkerStatus(
          name: row.text("name"), since: Date(wholeMilliseconds: row.int("since")), queues: queues,
          running: row.count("running"), deliveries: try Self.deliveries(of: row.int("id"), database))
      }
    }
  }

  private static func deliveries(of worker: Int64, _ database: Database) throws -> [RunningDelivery] {
    try Row.fetchAll(
      database,
      sql: """
        SELECT q.name AS queue, m.id, m.name, r.since FROM running r
        JOIN message m ON m.seq = r.seq JOIN queue q ON q.id = r.queue
        WHERE r.worker = ? ORDER BY r.since, r.seq LIMIT 100
        """, arguments: [worker]
    ).map { row in
      RunningDelivery(
        queue: QueueName(row.text("queue")), id: row.optionalText("id").map { MessageID($0) },
        name: row.optionalText("name").map { MessageName($0) },
        since: Date(wholeMilliseconds: row.int("since")))
    }
  }

  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    try await file.read { database in
      let comparison = try KnownTopology(database).compare(with: topology)
      return comparison.conflicts.map { difference in
        var difference = difference
        difference.fix = "ask for what is there, or declare it under another name"
        return difference
      } + comparison.missing
    }
  }

  func topology() async throws(BrokerError) -> Topology {
    try await file.read { database in try KnownTopology(database).topology() }
  }
}
