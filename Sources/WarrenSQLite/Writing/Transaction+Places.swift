internal import Foundation
internal import GRDB
internal import Warren

/// Where a message is: in exactly one of the tables `ready`, `delayed` and `running`.
extension Transaction {
  /// Where a message belongs among those that wait.
  struct Place {
    var queue: Int64
    var rank: Int64
    /// What of the rank is there because it is handed out alone.
    var isolation: Int64
    var parkAt: Int64?
  }

  /// `nil` when there is no such message.
  func place(of seq: Int64) throws -> Place? {
    statements.readPlace.bind(1, seq)
    return try statements.readPlace.first { row in
      let isolation = Schema.isolation(row.int(3))
      return Place(
        queue: row.int(0), rank: Schema.rank(priority: row.int(1)) + isolation, isolation: isolation,
        parkAt: row.optionalInt(2))
    }
  }

  /// Lets a message wait for its time.
  func delay(_ seq: Int64, in queue: Int64, until due: Int64) throws {
    statements.insertDelayed.bind(1, seq)
    statements.insertDelayed.bind(2, queue)
    statements.insertDelayed.bind(3, due)
    if try statements.insertDelayed.run() > 0 { work[queue].counts.delayed += 1 }
    work[queue].wakesOthers = true
  }

  /// Lets a message wait for a worker.
  func makeReady(_ seq: Int64, in queue: Int64, rank: Int64) throws {
    statements.insertReady.bind(1, queue)
    statements.insertReady.bind(2, rank)
    statements.insertReady.bind(3, seq)
    // If it stands there already, it is the same message.
    if try statements.insertReady.run() > 0 { work[queue].counts.ready += 1 }
    work[queue].wakesOthers = true
    state.waiting?.insert(queue)
  }

  /// Takes a message from where it waits for a worker. `false` when it was not there.
  @discardableResult
  func removeReady(_ seq: Int64, in queue: Int64, rank: Int64) throws -> Bool {
    statements.deleteReady.bind(1, queue)
    statements.deleteReady.bind(2, rank)
    statements.deleteReady.bind(3, seq)
    if try statements.deleteReady.run() == 0 { return false }
    work[queue].counts.ready -= 1
    return true
  }

  /// The same, also where the row says what is of no use, so that nothing but the message's number finds it.
  @discardableResult
  func dropReady(_ seq: Int64, in queue: Int64, rank: Int64) throws -> Bool {
    if try removeReady(seq, in: queue, rank: rank) { return true }
    try database.execute(
      sql: "DELETE FROM ready WHERE queue = ? AND (seq = ? OR typeof(seq) <> 'integer')", arguments: [queue, seq])
    work[queue].counts.ready -= Int64(database.changesCount)
    return database.changesCount > 0
  }

  /// Takes a message from where it is delayed. `false` when it was not there.
  @discardableResult
  func removeDelayed(_ seq: Int64, in queue: Int64) throws -> Bool {
    statements.deleteDelayed.bind(1, seq)
    if try statements.deleteDelayed.run() == 0 { return false }
    work[queue].counts.delayed -= 1
    return true
  }

  /// Takes a waiting message, ready or delayed, from its place.
  func removeWaiting(_ seq: Int64, in queue: Int64) throws {
    if try removeDelayed(seq, in: queue) { return }
    // It may stand under another rank than the message says.
    try dropReady(seq, in: queue, rank: try place(of: seq)?.rank ?? 0)
  }

  /// Gives a message to this process. `false` when another one has it already.
  func markRunning(_ seq: Int64, _ queue: Int64, worker: Int64, fence: Int64, isSuspect: Bool) throws -> Bool {
    let insert = statements.insertRunning
    insert.bind(1, seq)
    insert.bind(2, queue)
    insert.bind(3, worker)
    insert.bind(4, fence)
    insert.bind(5, now)
    insert.bind(6, isSuspect ? 1 : Int64(0))
    if try insert.run() == 0 { return false }
    work[queue].counts.running += 1
    return true
  }

  /// Ends that a worker has a message. `false` when it has it no more.
  func removeRunning(_ seq: Int64, in queue: Int64, worker: Int64, fence: Int64) throws -> Bool {
    let delete = statements.deleteRunning
    delete.bind(1, seq)
    delete.bind(2, worker)
    delete.bind(3, fence)
    if try delete.run() == 0 { return false }
    work[queue].counts.running -= 1
    return true
  }

  /// Moves what has come due to where it waits for a worker.
  func promoteDue(limit: Int) throws {
    var due: [(seq: Int64, queue: Int64)] = []
    statements.listDue.bind(1, now)
    statements.listDue.bind(2, Int64(limit))
    while try statements.listDue.step() { due.append((statements.listDue.int(0), statements.listDue.int(1))) }
    for (seq, queue) in due {
      try removeDelayed(seq, in: queue)
      if let place = try place(of: seq) {
        try makeReady(seq, in: queue, rank: place.rank)
      } else {
        try setAside("delayed", seq, in: queue)
      }
    }
    if due.count == limit { isUnfinished = true }
  }

  /// When a message that comes into a queue now is parked as expired: after its own time, or the queue's. Where there is
  /// nowhere to park it, it does not expire.
  func expiry(in queue: KnownQueue, ofMessage own: Int64?) -> Int64? {
    if queue.isLast { return nil }
    let ofQueue = queue.timeToLive.map { time(after: $0) }
    guard let own, let ofQueue else { return own ?? ofQueue }
    return min(own, ofQueue)
  }

  /// Deletes everything about a message but its place and counts.
  func remove(_ seq: Int64) throws {
    statements.deleteMessage.bind(1, seq)
    try statements.deleteMessage.run()
    try forgetHistory(of: seq)
    try forgetDeadLetter(seq)
  }

  /// Ends that a message is a dead letter.
  func forgetDeadLetter(_ seq: Int64) throws {
    statements.deleteDeadLetter.bind(1, seq)
    try statements.deleteDeadLetter.run()
  }
}
