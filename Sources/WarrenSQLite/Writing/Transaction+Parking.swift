internal import Foundation
internal import Warren

extension Transaction {
  /// Moves a message, which stands in no place any more, to its queue's dead letters. `false` when there is nowhere to move
  /// it: then nothing was changed.
  func park(_ seq: Int64, of queue: Int64, _ reason: DeadLetterReason, _ history: History) throws -> Bool {
    let target = state.topology[queue]?.queue.deadLetter
    let holders = deadLetterQueues(of: target)
    if holders.isEmpty { return false }
    guard let place = try place(of: seq) else {
      // Nothing is left of it that could be kept.
      try remove(seq)
      try setAside("running", seq, in: queue)
      return true
    }
    for holder in holders {
      let copy = takeSeq()
      let copyMessage = statements.copyMessage
      copyMessage.bind(1, seq)
      copyMessage.bind(2, copy)
      copyMessage.bind(3, holder.id)
      copyMessage.bind(4, state.topology.exchangeID(target?.exchange?.name))
      copyMessage.bind(5, (target?.key ?? RoutingKey(holder.name.rawValue)).rawValue)
      // What expired here must not expire there again; the dead letter remembers the time.
      copyMessage.bind(6, Int64?.none)
      copyMessage.bind(7, holder.timeToLive.map { time(after: $0) })
      guard try copyMessage.run() == 1 else {
        throw StorageError(code: 11, message: "the message \(seq) could not be copied")
      }
      let insert = statements.insertDeadLetter
      insert.bind(1, seq)
      insert.bind(2, copy)
      insert.bind(3, holder.id)
      insert.bind(4, reason.kind.rawValue)
      insert.bind(5, reason.detail)
      insert.bind(6, now)
      try insert.run()
      try write(history, of: copy, isIsolated: false)
      work[holder.id].counts.published += 1
      try makeReady(copy, in: holder.id, rank: place.rank - place.isolation)
    }
    try remove(seq)
    work[queue].counts.deadLettered += 1
    return true
  }

  private func deadLetterQueues(of target: DeadLetterTarget?) -> [KnownQueue] {
    guard let target else { return [] }
    if let exchange = target.exchange { return state.topology.route(exchange.name, target.key) ?? [] }
    return state.topology.queues[target.queue].map { [$0] } ?? []
  }

  /// Lets a message that could not be parked wait a little, so that it is not tried again at once.
  func rest(_ seq: Int64, in queue: Int64) throws {
    let due = time(after: max(1, state.configuration.parkingPause.wholeMilliseconds))
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
}
