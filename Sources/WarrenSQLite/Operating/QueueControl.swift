internal import GRDB
internal import Warren

/// Pauses, resumes and empties queues, and ends handlers.
struct QueueControl {
  let writer: Writer

  func setPaused(_ queue: QueueName, _ isPaused: Bool) async throws(BrokerError) {
    try await writer.perform { transaction in
      let known = try transaction.queue(queue)
      if known.isPaused == isPaused { return }
      try transaction.database.execute(
        sql: "UPDATE queue SET is_paused = ? WHERE id = ?", arguments: [isPaused, known.id])
      try transaction.changeTopology()
      // Others may have to begin again.
      transaction.work[known.id].wakesOthers = true
    }
  }

  /// It goes in pieces, between which others get their turn: what comes in meanwhile stays. Returns how many went.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    let end = try await writer.perform { transaction in
      _ = try transaction.queue(queue)
      return transaction.takeSeq()
    }
    var gone = 0
    while true {
      let piece = try await writer.perform { try $0.purge($0.queue(queue).id, before: end, limit: 1000) }
      gone += piece
      if piece == 0 { return gone }
    }
  }

  /// Cancels the handlers of a message in this process, and tells the others that hold it. Returns how many there were.
  func cancel(_ id: MessageID, in queue: QueueName, _ presence: Presence) async throws(BrokerError) -> Int {
    let (consumers, workers) = try await writer.perform { transaction in
      let known = try transaction.queue(queue)
      let workers = try Row.fetchAll(
        transaction.database,
        sql: """
          SELECT w.file FROM running r JOIN message m ON m.seq = r.seq JOIN worker w ON w.id = r.worker
          WHERE r.queue = ? AND m.id = ?
          """, arguments: [known.id, id.rawValue]
      ).map { $0.text("file") }
      return (transaction.state.deliveries.consumers(of: known.id).map(\.consumer), workers)
    }
    let own = consumers.reduce(0) { $0 + $1.cancelHandlers(of: id) }
    let message = ControlMessage(.cancel, queue: queue, message: id)
    return own + workers.count { $0 != presence.file && presence.tell(message, $0) }
  }
}

extension Transaction {
  /// Deletes some of what waits. Returns how many.
  fileprivate func purge(_ queue: Int64, before end: Int64, limit: Int) throws -> Int {
    let ready = try Row.fetchAll(
      database, sql: "SELECT rank, seq FROM ready WHERE queue = ? AND seq < ? LIMIT ?", arguments: [queue, end, limit])
    var gone = 0
    for row in ready {
      if try dropReady(row.int("seq"), in: queue, rank: row.int("rank")) { gone += 1 }
      try remove(row.int("seq"))
    }
    let delayed = try Int64.fetchAll(
      database, sql: "SELECT seq FROM delayed WHERE queue = ? AND seq < ? LIMIT ?",
      arguments: [queue, end, limit - ready.count])
    for seq in delayed {
      try removeDelayed(seq, in: queue)
      try remove(seq)
    }
    return gone + delayed.count
  }
}
