internal import GRDB
internal import Warren

/// The bindings that the workers ask for by the topologies that they apply.
enum AskedBindings {
  /// Notes what a worker asks for.
  static func note(
    _ bindings: Set<Binding>, of queue: Int64, by worker: Int64, _ database: Database
  ) throws {
    try AddedTable.askedBinding.make(in: database)
    let rows = [("", "")] + bindings.map { ($0.exchange.rawValue, $0.key.rawValue) }
    for (exchange, key) in rows {
      try database.execute(
        sql: "INSERT OR IGNORE INTO asked_binding (worker, queue, exchange, key) VALUES (?, ?, ?, ?)",
        arguments: [worker, queue, exchange, key])
    }
  }

  /// Forgets a worker that is gone, and any that an earlier version has removed without this table.
  static func forget(_ worker: Int64, _ database: Database) throws {
    if try !AddedTable.askedBinding.isThere(in: database) { return }
    try database.execute(
      sql: "DELETE FROM asked_binding WHERE worker = ? OR worker NOT IN (SELECT id FROM worker)", arguments: [worker])
  }

  /// What the workers of each queue ask for together; a queue of which one worker has not told is not among them.
  static func all(_ database: Database) throws -> [QueueName: Set<Binding>] {
    if try !AddedTable.askedBinding.isThere(in: database) { return [:] }
    var asked: [QueueName: Set<Binding>] = [:]
    var unknown: Set<QueueName> = []
    let rows = try Row.fetchAll(
      database,
      sql: """
        SELECT q.name AS queue, a.exchange, a.key FROM worker_queue w JOIN queue q ON q.id = w.queue
        LEFT JOIN asked_binding a ON a.worker = w.worker AND a.queue = w.queue
        """)
    for row in rows {
      let queue = QueueName(row.text("queue"))
      guard let exchange = row.optionalText("exchange"), let key = row.optionalText("key") else {
        unknown.insert(queue)
        continue
      }
      asked[queue, default: []].formUnion(
        exchange.isEmpty ? [] : [Binding(queue, to: ExchangeName(exchange), key: RoutingKey(key))])
    }
    return asked.filter { !unknown.contains($0.key) }
  }
}
