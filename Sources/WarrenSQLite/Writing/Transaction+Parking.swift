internal import Foundation
internal import Warren

extension Transaction {
  /// Moves a message, which stands in no place any more, to its queue's dead letters. `false` when there is nowhere to move
  /// it: then nothing was changed.
  func park(_ seq: Int64, of queue: Int64, _ reason: DeadLetterReason, _ history: History) throws -> Bool {
    let targets = deadLetterQueues(of: queue)
    if targets.isEmpty { return false }
    let target = ledger.catalogue[queue]?.queue.deadLetter
    for holder in targets {
      guard let stored = ledger.catalogue[holder] else { continue }
      let copy = takeSeq()
      let copyMessage = statements.copyMessage
      copyMessage.bind(1, seq)
      copyMessage.bind(2, copy)
      copyMessage.bind(3, holder)
      copyMessage.bind(4, ledger.catalogue.exchangeID(target?.exchange?.name))
      copyMessage.bind(5, (target?.key ?? RoutingKey(stored.queue.name.rawValue)).rawValue)
      // What expired here must not expire there again; the dead letter remembers the time.
      copyMessage.bind(6, Int64?.none)
      copyMessage.bind(7, stored.queue.timeToLive.map { now + $0.milliseconds })
      try copyMessage.run()
      let insert = statements.insertDeadLetter
      insert.bind(1, seq)
      insert.bind(2, copy)
      insert.bind(3, holder)
      insert.bind(4, reason.kind.rawValue)
      insert.bind(5, reason.detail)
      insert.bind(6, now)
      try insert.run()
      if !history.isEmpty { try write(history, of: copy, isIsolated: false) }
      count(holder) { $0.published += 1 }
      try makeReady(copy, in: holder, rank: try place(of: copy)?.rank ?? 0)
    }
    try remove(seq)
    count(queue) { $0.deadLettered += 1 }
    return true
  }

  /// Deletes everything about a message but its place and counts.
  func remove(_ seq: Int64) throws {
    statements.deleteMessage.bind(1, seq)
    try statements.deleteMessage.run()
    try forgetHistory(of: seq)
    statements.deleteDeadLetter.bind(1, seq)
    try statements.deleteDeadLetter.run()
  }

  private func deadLetterQueues(of queue: Int64) -> [Int64] {
    guard let target = ledger.catalogue[queue]?.queue.deadLetter else { return [] }
    if let exchange = target.exchange { return ledger.catalogue.route(exchange.name, target.key) ?? [] }
    return ledger.catalogue.queues[target.queue].map { [$0.id] } ?? []
  }

  /// Lets a message that could not be parked wait a little, so that nobody goes round with it.
  func rest(_ seq: Int64, in queue: Int64) throws {
    let due = now + max(1, ledger.configuration.parkingPause.milliseconds)
    statements.postponeExpiry.bind(1, seq)
    statements.postponeExpiry.bind(2, due)
    try statements.postponeExpiry.run()
    try delay(seq, in: queue, until: due)
  }

  /// Parks what waits longer than it may.
  func parkExpired(limit: Int) throws {
    var expired: [(seq: Int64, queue: Int64)] = []
    statements.listExpired.bind(1, now)
    statements.listExpired.bind(2, Int64(limit))
    while try statements.listExpired.step() {
      expired.append((statements.listExpired.int(0), statements.listExpired.int(1)))
    }
    for (seq, queue) in expired {
      let known = try history(of: seq)
      try removeWaiting(seq, in: queue)
      let waited = DeadLetterReason(.expired, "its time to live was over before it was handled")
      if try !park(seq, of: queue, waited, known.history) { try rest(seq, in: queue) }
    }
    if expired.count == limit {
      needsExpirySweep = true
      isUnfinished = true
    }
  }

  /// Takes a waiting message, ready or delayed, from its place.
  func removeWaiting(_ seq: Int64, in queue: Int64) throws {
    statements.deleteDelayed.bind(1, seq)
    if try statements.deleteDelayed.run() > 0 {
      count(queue) { $0.delayed -= 1 }
    } else if let place = try place(of: seq) {
      try removeReady(seq, in: queue, rank: place.rank)
    }
  }
}
