internal import GRDB
internal import Warren

/// What concerns the processes that work on the file.
extension Transaction {
  /// Gives this process a row of its own, under which it holds deliveries. Its lock is held before others can see it.
  ///
  /// - Throws: ``BrokerError`` when it cannot show that it lives; then nothing was changed.
  func enroll(_ neighbourhood: any Neighbourhood, name: String) throws {
    let sign = try neighbourhood.show(isNew: isDispossessed)
    try database.execute(
      sql: "INSERT INTO worker (id, file, device, inode, name, since) VALUES (\(Schema.nextWorker), ?, ?, ?, ?, ?)",
      arguments: [sign.file, sign.identity.device, sign.identity.inode, name, now])
    let id = database.lastInsertedRowID
    enrolled = id
    for consumer in state.deliveries.consumers { try note(consumer.queue, of: id, by: 1) }
    try changeWorkers()
  }

  /// Shows this process anew, under the number that it has.
  func renewSign(_ neighbourhood: any Neighbourhood) throws {
    guard let worker else { return }
    let sign = try neighbourhood.show(isNew: false)
    try database.execute(
      sql: "UPDATE worker SET file = ?, device = ?, inode = ? WHERE id = ?",
      arguments: [sign.file, sign.identity.device, sign.identity.inode, worker])
    try changeWorkers()
  }

  /// Begins to hand out to a consumer.
  func join(
    _ consumer: Consumer, id: Int64, isOpen: Flag, _ neighbourhood: any Neighbourhood, name: String
  ) throws -> LocalConsumer {
    let queue = try queue(consumer.queue)
    if worker == nil { try enroll(neighbourhood, name: name) }
    let local = LocalConsumer(id: id, queue: queue.id, consumer: consumer, isOpen: isOpen)
    joining.append(local)
    if let worker { try note(queue.id, of: worker, by: 1) }
    try changeWorkers()
    isUnfinished = true
    return local
  }

  /// Ends a consumer and gives back what it holds.
  func leave(_ consumer: LocalConsumer) throws {
    if leaving.contains(where: { $0 === consumer }) || !state.deliveries.consumers.contains(where: { $0 === consumer })
    {
      return
    }
    try release(consumer)
    leaving.append(consumer)
    if let worker { try note(consumer.queue, of: worker, by: -1) }
    try changeWorkers()
  }

  /// Ends all of this process's work, in good order.
  func retire() throws {
    for consumer in state.deliveries.consumers {
      try release(consumer)
      leaving.append(consumer)
    }
    if let worker { try forgetWorker(worker) }
    hasRetired = true
  }

  /// Takes back what a worker holds that is gone or hangs, whether or not it still has a row. Returns how many deliveries
  /// that were; `nil` when there was nothing to do.
  @discardableResult
  func recover(worker id: Int64) throws -> Int? {
    var held: [(seq: Int64, queue: Int64, fence: Int64, suspect: Int64)] = []
    let list = statements.runningOf
    list.bind(1, id)
    while try list.step() { held.append((list.int(0), list.int(1), list.int(2), list.int(3))) }
    statements.workerExists.bind(1, id)
    let isKnown = try statements.workerExists.first { _ in true } != nil
    if held.isEmpty, !isKnown { return nil }
    for (seq, queue, fence, suspect) in held {
      _ = try removeRunning(seq, in: queue, worker: id, fence: fence)
      guard let place = try place(of: seq) else {
        try setAside("running", seq, in: queue)
        continue
      }
      var (history, isolation) = try history(of: seq)
      // A suspect that was still waiting to be alone did not kill its worker: one of those it waited for did.
      if suspect != 1 { history.interruptions += 1 }
      isolation = try write(history, of: seq, isIsolated: isolation > 0)
      try makeReady(seq, in: queue, rank: place.rank - place.isolation + isolation)
      if let parkAt = place.parkAt, parkAt <= now {
        needsExpirySweep = true
        isUnfinished = true
      }
    }
    if isKnown { try forgetWorker(id) }
    return held.count
  }

  private func forgetWorker(_ id: Int64) throws {
    try database.execute(sql: "DELETE FROM worker WHERE id = ?", arguments: [id])
    try database.execute(sql: "DELETE FROM worker_queue WHERE worker = ?", arguments: [id])
    try AskedBindings.forget(id, database)
    try changeWorkers()
  }

  private func note(_ queue: Int64, of worker: Int64, by change: Int) throws {
    try database.execute(
      sql: """
        INSERT INTO worker_queue (worker, queue, consumers) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET consumers = consumers + excluded.consumers
        """, arguments: [worker, queue, change])
    try database.execute(sql: "DELETE FROM worker_queue WHERE consumers <= 0")
    if change > 0, let name = state.topology[queue]?.name, let asked = state.asked[name] {
      try AskedBindings.note(asked, of: queue, by: worker, database)
    }
  }
}
