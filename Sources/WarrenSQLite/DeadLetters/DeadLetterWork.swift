internal import Foundation
internal import GRDB
internal import Warren

/// Replays, deletes and replaces dead letters. Those that a worker holds at the moment are left alone.
struct DeadLetterWork {
  let file: BrokerFile
  let writer: Writer

  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    var report = ReplayReport(replayed: 0, stayed: 0)
    let last = try await inPieces(selection) { transaction, letter in
      try transaction.replay(letter)
    } count: {
      $0 ? (report.replayed += 1) : (report.stayed += 1)
    }
    if report.stayed > 0 { report.next = DeadLetterPage.Cursor(position: last) }
    return report
  }

  /// Returns how many went.
  func delete(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    var deleted = 0
    try await inPieces(selection) { transaction, letter in
      try transaction.discard(letter)
      return true
    } count: {
      deleted += $0 ? 1 : 0
    }
    return deleted
  }

  /// Publishes a changed copy, which was checked, in place of a dead letter.
  func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await writer.perform { transaction in
      let selection = DeadLetterSelection(queue: queue, ids: [id], limit: .max)
      let rows = try selection.rows(transaction.database, transaction.state.topology, after: 0, limit: .max)
      guard let letter = try rows.lazy.compactMap({ try transaction.waitingLetter($0.int("seq")) }).first else {
        throw BrokerError(.notFound, "there is no dead letter '\(id)': it may have been replayed or deleted")
      }
      guard let origin = transaction.state.topology[letter.origin] else {
        throw BrokerError(noOriginOf: id)
      }
      // The corrected job keeps repeats out as the one before did.
      transaction.statements.readMessage.bind(1, letter.seq)
      let unique = try transaction.statements.readMessage.first { MessageRow($0).unique } ?? nil
      try transaction.delete(letter)
      try transaction.store(
        edited, in: origin, exchange: transaction.state.topology.exchangeName(letter.exchange),
        key: RoutingKey(letter.key), unique: unique)
    }
  }

  /// Does something with each selected dead letter that waits, a few hundred to a transaction, so that all others go on
  /// meanwhile. They are looked for in a snapshot, which holds no writer up, and looked at again when it is their turn. What
  /// comes in meanwhile is left alone. Returns the place of the last.
  @discardableResult
  private func inPieces(
    _ selection: DeadLetterSelection, _ act: @escaping @Sendable (Transaction, WaitingLetter) throws -> Bool,
    count: (Bool) -> Void
  ) async throws(BrokerError) -> Int64 {
    var left = max(0, selection.limit)
    var after = selection.after?.position ?? 0
    let end = try await writer.perform { $0.takeSeq() }
    while left > 0 {
      let start = after
      let found = try await file.read { database in
        try selection.rows(database, KnownTopology(database), after: start, before: end, limit: 250)
          .map { $0.int("seq") }
      }
      let wanted = left
      let done = try await writer.perform { transaction in
        var done: [(seq: Int64, isDone: Bool)] = []
        for seq in found where done.count < wanted {
          guard let letter = try transaction.waitingLetter(seq) else { continue }
          done.append((seq, try act(transaction, letter)))
        }
        return done
      }
      for piece in done { count(piece.isDone) }
      left -= done.count
      if found.count < 250 || left <= 0 {
        after = done.last?.seq ?? after
        break
      }
      after = found.last ?? after
    }
    return after
  }
}

/// A dead letter that no worker holds, as the table `dead_letter` has it.
struct WaitingLetter {
  var seq: Int64
  var queue: Int64
  var origin: Int64
  var exchange: Int64?
  var key: String
  var expiresAt: Int64?
  /// The others that were made when the message was parked, each in another queue.
  var copies: [(seq: Int64, queue: Int64)]
}

extension Transaction {
  /// A dead letter, unless it is gone or a worker holds it or one of its copies.
  func waitingLetter(_ seq: Int64) throws -> WaitingLetter? {
    let read = statements.readDeadLetter
    read.bind(1, seq)
    let found = try read.first { row in
      (
        WaitingLetter(
          seq: seq, queue: row.int(0), origin: row.int(1), exchange: row.optionalInt(2), key: row.text(3),
          expiresAt: row.optionalInt(4), copies: []), parking: row.int(5)
      )
    }
    guard let found else { return nil }
    var letter = found.0
    if try place(of: seq) == nil {
      // It says that there is a message, and there is none.
      try remove(seq)
      try setAside("dead_letter", seq, in: letter.queue)
      return nil
    }
    if try isRunning(seq) { return nil }
    statements.readParking.bind(1, found.parking)
    while try statements.readParking.step() {
      let copy = (seq: statements.readParking.int(0), queue: statements.readParking.int(1))
      if copy.seq != seq { letter.copies.append(copy) }
    }
    for copy in letter.copies where state.topology[copy.queue]?.isLast ?? true {
      if try isRunning(copy.seq) { return nil }
    }
    return letter
  }

  private func isRunning(_ seq: Int64) throws -> Bool {
    statements.isRunning.bind(1, seq)
    return try statements.isRunning.first { _ in true } != nil
  }

  /// Sends a dead letter back to the queue that gave up on it, as a new arrival with its old id. `false` when that is gone,
  /// or has the job already.
  func replay(_ letter: WaitingLetter) throws -> Bool {
    guard let origin = state.topology[letter.origin] else { return false }
    let known = try history(of: letter.seq).history
    // A time that is over would park it again at once.
    let expiresAt = letter.expiresAt.flatMap { $0 > now ? $0 : nil }
    let copy = takeSeq()
    let copyMessage = statements.copyMessage
    copyMessage.bind(1, letter.seq)
    copyMessage.bind(2, copy)
    copyMessage.bind(3, origin.id)
    copyMessage.bind(4, letter.exchange)
    copyMessage.bind(5, letter.key)
    copyMessage.bind(6, expiresAt)
    copyMessage.bind(7, expiry(in: origin, ofMessage: expiresAt))
    guard try copyMessage.run() == 1 else {
      throw StorageError(code: 11, message: "the dead letter \(letter.seq) could not be copied")
    }
    try write(known.replayed(), of: copy, isIsolated: false)
    try delete(letter)
    try makeReady(copy, in: origin.id, rank: try place(of: copy)?.rank ?? 0)
    return true
  }

  /// Deletes a dead letter that waits, with its copies in other queues that hold dead letters. A copy in a queue that is
  /// worked on stays there, as a message like any other.
  func delete(_ letter: WaitingLetter) throws {
    try removeWaiting(letter.seq, in: letter.queue)
    try remove(letter.seq)
    for copy in letter.copies {
      if state.topology[copy.queue]?.isLast ?? true {
        try removeWaiting(copy.seq, in: copy.queue)
        try remove(copy.seq)
      } else {
        try forgetDeadLetter(copy.seq)
        // It is a message of that queue from now on, and no job that keeps repeats of another queue's out.
        statements.forgetKey.bind(1, copy.seq)
        statements.forgetKey.bind(2, letter.origin)
        try statements.forgetKey.run()
      }
    }
  }
}
