internal import GRDB
internal import Warren

extension Transaction {
  /// Declares what is missing of a topology; all of it or, when something differs, nothing.
  func apply(_ topology: Topology) throws {
    let comparison = ledger.catalogue.compare(with: topology)
    if !comparison.conflicts.isEmpty { throw BrokerError(conflict: comparison.conflicts) }
    let unknown =
      comparison.exchanges.filter(\.isAdopted).map { "the exchange '\($0.name)'" }
      + comparison.queues.filter(\.isAdopted).map { "the queue '\($0.name)'" }
    if !unknown.isEmpty {
      throw BrokerError(
        .notFound,
        "missing: \(unknown.joined(separator: ", ")). Adopted ones belong to somebody else: have them "
          + "declared, or declare them by leaving out `adopted()`")
    }
    if comparison.isEmpty { return }
    for exchange in comparison.exchanges {
      try database.execute(
        sql: "INSERT INTO exchange (name, kind) VALUES (?, ?)",
        arguments: [exchange.name.rawValue, exchange.kind.rawValue])
    }
    for queue in comparison.queues {
      try database.execute(
        sql: """
          INSERT INTO queue (name, dead_exchange, dead_exchange_kind, dead_key, dead_queue, time_to_live)
          VALUES (?, ?, ?, ?, ?, ?)
          """, arguments: queue.storedArguments)
      try database.execute(sql: "INSERT INTO depth (queue) VALUES (?)", arguments: [database.lastInsertedRowID])
    }
    for binding in comparison.bindings {
      try database.execute(
        sql: """
          INSERT INTO binding (exchange, queue, key)
          SELECT e.id, q.id, ? FROM exchange e, queue q WHERE e.name = ? AND q.name = ?
          """, arguments: [binding.key.rawValue, binding.exchange.rawValue, binding.queue.rawValue])
    }
    try changeTopology()
  }
}
