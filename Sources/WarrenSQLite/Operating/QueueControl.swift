internal import GRDB
public import Warren

extension SQLiteBroker: OperableBroker {
  /// See ``Warren/OperableBroker/pause(_:)``.
  public func pause(_ queue: QueueName) async throws(BrokerError) { try await setPaused(queue, true) }

  /// See ``Warren/OperableBroker/resume(_:)``.
  public func resume(_ queue: QueueName) async throws(BrokerError) { try await setPaused(queue, false) }

  private func setPaused(_ queue: QueueName, _ isPaused: Bool) async throws(BrokerError) {
    try await waitUntilRunning()
    try await writer.perform { transaction in
      let stored = try transaction.queue(queue)
      if stored.isPaused == isPaused { return }
      try transaction.database.execute(
        sql: "UPDATE queue SET is_paused = ? WHERE id = ?", arguments: [isPaused, stored.id])
      try transaction.changeTopology()
      // Others may have to begin again.
      transaction.waking.insert(stored.id)
    }
  }

  /// See ``Warren/OperableBroker/purge(_:)``. It goes in pieces, between which others get their turn: what comes in
  /// meanwhile stays.
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
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
}

extension Transaction {
  func queue(_ name: QueueName) throws -> Catalogue.StoredQueue {
    guard let stored = ledger.catalogue.queues[name] else {
      throw BrokerError(.notFound, "there is no queue '\(name)': the command `warren queue ls` shows which there are")
    }
    return stored
  }

  /// Deletes some of what waits. Returns how many.
  fileprivate func purge(_ queue: Int64, before end: Int64, limit: Int) throws -> Int {
    let ready = try Row.fetchAll(
      database, sql: "SELECT rank, seq FROM ready WHERE queue = ? AND seq < ? LIMIT ?", arguments: [queue, end, limit])
    for row in ready {
      try removeReady(row["seq"], in: queue, rank: row["rank"])
      try remove(row["seq"])
    }
    let delayed = try Int64.fetchAll(
      database, sql: "SELECT seq FROM delayed WHERE queue = ? AND seq < ? LIMIT ?",
      arguments: [queue, end, limit - ready.count])
    for seq in delayed {
      try removeWaiting(seq, in: queue)
      try remove(seq)
    }
    return ready.count + delayed.count
  }
}
