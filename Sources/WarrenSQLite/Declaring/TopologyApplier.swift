internal import GRDB
internal import Warren

/// Declares what is missing of a topology; all of it or, when something differs, nothing.
struct TopologyApplier {
  let database: Database
  let known: KnownTopology

  /// Whether anything was missing.
  ///
  /// - Throws: ``BrokerError/Code/topologyConflict``, ``BrokerError/Code/notFound``; then nothing was changed.
  func apply(_ topology: Topology) throws -> Bool {
    let comparison = known.compare(with: topology)
    if !comparison.conflicts.isEmpty { throw BrokerError(conflict: comparison.conflicts) }
    let unknown =
      comparison.exchanges.filter(\.isAdopted).map { "the exchange '\($0.name)'" }
      + comparison.queues.filter(\.isAdopted).map { "the queue '\($0.name)'" }
    if !unknown.isEmpty {
      throw BrokerError(
        .notFound,
        "missing: \(unknown.joined(separator: ", ")). Adopted ones are declared by their owner: have that done, or declare "
          + "them by leaving out `adopted()`")
    }
    if comparison.isEmpty { return false }
    for exchange in comparison.exchanges {
      try database.execute(
        sql: "INSERT INTO exchange (name, kind) VALUES (?, ?)",
        arguments: [exchange.name.rawValue, exchange.kind.rawValue])
    }
    for queue in comparison.queues {
      try database.execute(
        sql: """
          INSERT INTO queue (name, dead_exchange, dead_exchange_kind, dead_key, dead_queue, time_to_live_seconds,
            time_to_live_attoseconds)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """, arguments: queue.arguments)
      try database.execute(sql: "INSERT INTO depth (queue) VALUES (?)", arguments: [database.lastInsertedRowID])
    }
    for binding in comparison.bindings {
      try database.execute(
        sql: """
          INSERT INTO binding (exchange, queue, key)
          SELECT e.id, q.id, ? FROM exchange e, queue q WHERE e.name = ? AND q.name = ?
          """, arguments: [binding.key.rawValue, binding.exchange.rawValue, binding.queue.rawValue])
    }
    return true
  }
}
