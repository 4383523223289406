internal import Foundation
internal import GRDB
internal import Warren

/// What became of a settlement, for its caller.
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
    guard !isDispossessed, token.scope == worker, let open = state.deliveries[token] else { return .stale }
    closed.append(open.fence)
    // Otherwise it was taken away, or settled before in this very transaction.
    guard try removeRunning(seq, in: open.queue, worker: token.scope, fence: open.fence) else { return .stale }
    freed[ObjectIdentifier(open.consumer), default: 0] += 1
    switch settlement {
    case .complete: try complete(open)
    case .release: try comeBack(open)
    case .postpone(let time): try comeBack(open, at: time)
    case .retry(let time, let history):
      // With the isolation that the history gives it.
      let isolation = try write(history, of: seq, isIsolated: open.isolation > 0)
      work[open.queue].counts.retried += 1
      try comeBack(open, isolation: isolation, at: time)
    case .isolate:
      // Deaths beyond those that make a suspect may have been a neighbour's doing: handling it alone will show.
      var history = try history(of: seq).history
      history.interruptions = min(history.interruptions, History.interruptionsUntilSuspect)
      try comeBack(open, isolation: try write(history, of: seq, isIsolated: true))
    case .deadLetter(let reason, let history):
      if try park(seq, of: open.queue, reason, history) { break }
      try write(history, of: seq, isIsolated: open.isolation > 0)
      try rest(seq, in: open.queue)
      return .cannotPark(state.topology[open.queue]?.name ?? "")
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
  func release(_ consumer: LocalConsumer) throws {
    guard let worker, !isDispossessed else { return }
    for open in state.deliveries.held(by: consumer) {
      if try removeRunning(open.seq, in: open.queue, worker: worker, fence: open.fence) { try comeBack(open) }
      closed.append(open.fence)
    }
  }

  private func complete(_ open: OpenDelivery) throws {
    statements.deleteMessage.bind(1, open.seq)
    try statements.deleteMessage.run()
    work[open.queue].counts.completed += 1
    // Only what has a history can be a dead letter: parking writes one.
    if open.hasHistory {
      try forgetHistory(of: open.seq)
      try forgetDeadLetter(open.seq)
    }
    // A copy of a dead letter in a queue that is worked on is not the job: who completes it has not done that.
    if let unique = open.unique, unique.window > 0, unique.queue == open.queue {
      statements.remember.bind(1, unique.queue)
      statements.remember.bind(2, unique.key)
      statements.remember.bind(3, time(after: unique.window))
      try statements.remember.run()
    }
  }

  /// Back to its queue: to its old place, or, with a time to come, among the delayed.
  private func comeBack(_ open: OpenDelivery, isolation: Int64? = nil, at time: Date? = nil) throws {
    if let parkAt = open.parkAt, parkAt <= now {
      needsExpirySweep = true
      isUnfinished = true
    }
    if let due = time, due > self.time {
      try delay(open.seq, in: open.queue, until: due.wholeMillisecondsRoundedUp)
    } else {
      try makeReady(open.seq, in: open.queue, rank: open.rank + (isolation ?? open.isolation))
    }
  }
}
