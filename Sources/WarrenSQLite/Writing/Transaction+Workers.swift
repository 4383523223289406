internal import GRDB
internal import Warren

/// What concerns the processes that work on the file.
extension Transaction {
  /// Gives this process a row of its own, under which it holds deliveries. Its lock is held before others can see it.
  func enroll(_ presence: Presence, name: String) throws {
    let file = try presence.prepare(isNew: isDispossessed)
    try database.execute(
      sql: "INSERT INTO worker (file, name, since) VALUES (?, ?, ?)", arguments: [file, name, now])
    let id = database.lastInsertedRowID
    enrolled = id
    for consumer in ledger.consumers.values { try note(consumer.queue, of: id, by: 1) }
    try changeWorkers()
  }

  /// Begins to hand out to a consumer.
  func join(
    _ consumer: Consumer, id: Int64, isOpen: Flag, isPaused: Flag, _ presence: Presence, name: String
  ) throws -> LocalConsumer {
    guard let queue = ledger.catalogue.queues[consumer.queue] else {
      throw BrokerError(.notFound, "there is no queue '\(consumer.queue)': apply a topology that has it")
    }
    if worker == nil { try enroll(presence, name: name) }
    let local = LocalConsumer(id: id, queue: queue.id, consumer: consumer, isOpen: isOpen, isPaused: isPaused)
    joining.append(local)
    if let worker { try note(queue.id, of: worker, by: 1) }
    try changeWorkers()
    isUnfinished = true
    return local
  }

  /// Ends a consumer and gives back what it holds.
  func leave(_ consumer: LocalConsumer) throws {
    if leaving.contains(consumer.id) || ledger.consumers[consumer.id] == nil { return }
    try release(consumer: consumer.id)
    leaving.append(consumer.id)
    if let worker { try note(consumer.queue, of: worker, by: -1) }
    try changeWorkers()
  }

  /// Ends all of this process's work, in good order.
  func retire() throws {
    for consumer in ledger.consumers.values {
      try release(consumer: consumer.id)
      leaving.append(consumer.id)
    }
    guard let worker else { return }
    try forgetWorker(worker)
    afterCommit.append { [ledger] in ledger.worker = nil }
  }

  /// Takes back what a worker holds that is gone or hangs. Returns how many deliveries that were.
  @discardableResult
  func recover(worker id: Int64) throws -> Int {
    var held: [(seq: Int64, queue: Int64, fence: Int64, suspect: Int64)] = []
    let list = statements.runningOf
    list.bind(1, id)
    while try list.step() { held.append((list.int(0), list.int(1), list.int(2), list.int(3))) }
    for (seq, queue, fence, suspect) in held {
      statements.deleteRunning.bind(1, seq)
      statements.deleteRunning.bind(2, id)
      statements.deleteRunning.bind(3, fence)
      try statements.deleteRunning.run()
      count(queue) { $0.running -= 1 }
      var (history, lane) = try history(of: seq)
      // A suspect that was still waiting to be alone did not kill its worker: one of those it waited for did.
      if suspect != 1 { history.interruptions += 1 }
      try write(history, of: seq, isIsolated: lane > 0)
      guard let place = try place(of: seq) else { continue }
      try makeReady(seq, in: queue, rank: place.rank)
      if let parkAt = place.parkAt, parkAt <= now {
        needsExpirySweep = true
        isUnfinished = true
      }
    }
    try forgetWorker(id)
    return held.count
  }

  private func forgetWorker(_ id: Int64) throws {
    try database.execute(sql: "DELETE FROM worker WHERE id = ?", arguments: [id])
    try database.execute(sql: "DELETE FROM worker_queue WHERE worker = ?", arguments: [id])
    try changeWorkers()
  }

  private func note(_ queue: Int64, of worker: Int64, by change: Int) throws {
    try database.execute(
      sql: """
        INSERT INTO worker_queue (worker, queue, consumers) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET consumers = consumers + excluded.consumers
        """, arguments: [worker, queue, change])
    try database.execute(sql: "DELETE FROM worker_queue WHERE consumers <= 0")
  }
}
