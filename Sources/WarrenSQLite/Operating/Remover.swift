internal import GRDB
internal import Warren

/// Deletes queues and bindings.
struct Remover {
  let file: BrokerFile
  let writer: Writer

  /// What goes with it goes in pieces before, between which others get their turn; what comes in meanwhile keeps the queue.
  func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int {
    var gone = 0
    if withMessages {
      try await writer.perform { try $0.checkRemoval(of: $0.queue(queue), messages: false) }
      let letters = DeadLetterWork(file: file, writer: writer)
      gone += try await letters.delete(DeadLetterSelection(origin: queue, limit: .max))
      gone += try await QueueControl(writer: writer).purge(queue)
    }
    try await writer.perform { transaction in
      let known = try transaction.queue(queue)
      try transaction.checkRemoval(of: known, messages: true)
      try transaction.delete(known)
    }
    return gone
  }

  func removeBinding(_ binding: Binding) async throws(BrokerError) {
    try await writer.perform { transaction in
      let known = try transaction.queue(binding.queue)
      try transaction.database.execute(
        sql: "DELETE FROM binding WHERE exchange = ? AND queue = ? AND key = ?",
        arguments: [transaction.state.topology.exchangeID(binding.exchange), known.id, binding.key.rawValue])
      if transaction.database.changesCount == 0 { throw Removal.missing(binding) }
      try transaction.changeTopology()
    }
  }
}

extension Transaction {
  /// - Parameter messages: whether what it holds keeps it.
  fileprivate func checkRemoval(of queue: KnownQueue, messages: Bool) throws {
    func count(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql, arguments: [queue.id]) ?? 0 }
    let held =
      try count("SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = ? LIMIT 100000)")
      + count("SELECT count(*) FROM (SELECT 1 FROM delayed WHERE queue = ? LIMIT 100000)")
      + count("SELECT count(*) FROM running WHERE queue = ?") + work[queue.id].fresh.count
    try Removal.check(
      queue.name, consumers: try count("SELECT coalesce(sum(consumers), 0) FROM worker_queue WHERE queue = ?"),
      messages: messages ? held : 0,
      deadLetters: messages ? try count("SELECT count(*) FROM dead_letter WHERE origin = ?") : 0,
      feeders: state.topology.queues.values.filter { $0.queue.deadLetter?.queue == queue.name }.map(\.name).sorted())
  }

  /// Deletes a queue that holds nothing. Its number may be given to another one later.
  fileprivate func delete(_ queue: KnownQueue) throws {
    // A copy of a dead letter in a queue that is worked on may still have the key of the job.
    try database.execute(
      sql: """
        UPDATE message SET unique_key = NULL, unique_queue = NULL, unique_window = NULL, unique_since = NULL
        WHERE unique_queue = ? AND unique_key IS NOT NULL
        """, arguments: [queue.id])
    var tables = ["binding", "depth", "finished", "worker_queue"]
    for added in [AddedTable.askedBinding, .sample] where try added.isThere(in: database) {
      tables.append(added.rawValue)
    }
    for table in tables {
      try database.execute(sql: "DELETE FROM \(table) WHERE queue = ?", arguments: [queue.id])
    }
    if try AddedTable.trash.isThere(in: database) {
      try database.execute(sql: "DELETE FROM trash WHERE queue = ?1 OR origin = ?1", arguments: [queue.id])
    }
    try database.execute(sql: "DELETE FROM queue WHERE id = ?", arguments: [queue.id])
    try changeTopology()
  }
}
