internal import Foundation
internal import GRDB
internal import Warren

/// What became of a settlement, for the one who asked for it.
enum SettleOutcome {
  case settled
  case stale
  /// There is nowhere to park it: it went back to its queue.
  case cannotPark(QueueName)
}

extension Transaction {
  /// Ends a delivery, if it is still the caller's.
  func settle(_ token: Delivery.Token, as settlement: Settlement) throws -> SettleOutcome {
    let seq = token.number
    guard !isDispossessed, token.scope == worker, let held = ledger.unsettled[seq], held.fence == token.fence else {
      return .stale
    }
    guard try removeRunning(seq, held, worker: token.scope) else {
      // Taken away, or settled before in this very transaction.
      settled.append(seq)
      return .stale
    }
    settled.append(seq)
    freed[held.consumer, default: 0] += 1
    switch settlement {
    case .complete: try complete(seq, held)
    case .release: try comeBack(seq, held)
    case .postpone(let time): try comeBack(seq, held, at: time)
    case .retry(let time, let history):
      try write(history, of: seq, isIsolated: held.lane > 0)
      count(held.queue) { $0.retried += 1 }
      // With the lane that the history gives it.
      var changed = held
      if held.lane > 0 { changed.lane = Schema.lane(interruptions: history.interruptions) }
      try comeBack(seq, changed, at: time)
    case .isolate:
      var isolated = held
      // Deaths beyond those that make a suspect may have been a neighbour's doing: handling it alone will show.
      var history = try history(of: seq).history
      history.interruptions = min(history.interruptions, History.interruptionsUntilSuspect)
      isolated.lane = try write(history, of: seq, isIsolated: true)
      try comeBack(seq, isolated)
    case .deadLetter(let reason, let history):
      if try park(seq, of: held.queue, reason, history) { break }
      try write(history, of: seq, isIsolated: held.lane > 0)
      try rest(seq, in: held.queue)
      return .cannotPark(ledger.catalogue[held.queue]?.queue.name ?? "")
    }
    return .settled
  }

  /// Notes that a suspect is being handled, if it is still the caller's.
  func begin(_ token: Delivery.Token) throws -> SettleResult {
    guard !isDispossessed, token.scope == worker else { return .stale }
    try database.execute(
      sql: "UPDATE running SET is_suspect = 2 WHERE seq = ? AND worker = ? AND fence = ? AND is_suspect > 0",
      arguments: [token.number, token.scope, token.fence])
    return database.changesCount > 0 ? .settled : .stale
  }

  /// Gives back all that a consumer holds; nothing is counted.
  func release(consumer id: Int64) throws {
    guard let worker, !isDispossessed else { return }
    for (seq, held) in ledger.unsettled.sorted(by: { $0.key < $1.key }) where held.consumer == id {
      if try removeRunning(seq, held, worker: worker) { try comeBack(seq, held) }
      settled.append(seq)
    }
  }

  private func removeRunning(_ seq: Int64, _ held: Unsettled, worker: Int64) throws -> Bool {
    let delete = statements.deleteRunning
    delete.bind(1, seq)
    delete.bind(2, worker)
    delete.bind(3, held.fence)
    if try delete.run() == 0 { return false }
    count(held.queue) { $0.running -= 1 }
    return true
  }

  private func complete(_ seq: Int64, _ held: Unsettled) throws {
    statements.deleteMessage.bind(1, seq)
    try statements.deleteMessage.run()
    count(held.queue) { $0.completed += 1 }
    if held.hasHistory { try forgetHistory(of: seq) }
    if ledger.catalogue[held.queue]?.queue.deadLetter == nil {
      statements.deleteDeadLetter.bind(1, seq)
      try statements.deleteDeadLetter.run()
    }
    if let unique = held.unique, unique.window > 0 {
      statements.remember.bind(1, unique.queue)
      statements.remember.bind(2, unique.key)
      statements.remember.bind(3, now + unique.window)
      try statements.remember.run()
    }
  }

  /// Back to its queue: to its old place, or, with a time to come, among the delayed.
  private func comeBack(_ seq: Int64, _ held: Unsettled, at time: Date? = nil) throws {
    if let parkAt = held.parkAt, parkAt <= now {
      needsExpirySweep = true
      isUnfinished = true
    }
    if let due = time, due > self.time {
      try delay(seq, in: held.queue, until: due.millisecondsRoundedUp)
    } else {
      try makeReady(seq, in: held.queue, rank: held.rank + held.lane)
    }
  }

  // MARK: History

  /// Returns the lane that it has with that history.
  @discardableResult
  func write(_ history: History, of seq: Int64, isIsolated: Bool) throws -> Int64 {
    let lane = isIsolated ? Schema.lane(interruptions: history.interruptions) : 0
    let write = statements.writeHistory
    write.bind(1, seq)
    write.bind(2, lane)
    write.bind(3, history.stored)
    try write.run()
    return lane
  }

  func history(of seq: Int64) throws -> (history: History, lane: Int64) {
    statements.readHistory.bind(1, seq)
    return try statements.readHistory.first { (History(stored: $0.optionalText(1)), $0.int(0)) } ?? (History(), 0)
  }

  func forgetHistory(of seq: Int64) throws {
    statements.deleteHistory.bind(1, seq)
    try statements.deleteHistory.run()
  }
}
