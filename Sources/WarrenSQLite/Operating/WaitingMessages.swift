internal import Foundation
internal import GRDB
internal import Warren

/// Removes, reschedules and changes single messages that wait.
struct WaitingMessages {
  let file: BrokerFile
  let writer: Writer

  func remove(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    try await change(id, in: queue) { try $0.deleteWaiting($1, in: $2) }
  }

  func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int {
    try await change(id, in: queue) { transaction, seq, queue in
      guard let place = try transaction.place(of: seq) else { return }
      transaction.statements.readMessage.bind(1, seq)
      let headers = try transaction.statements.readMessage.first { MessageRow($0).message.headers } ?? [:]
      try transaction.database.execute(
        sql: "UPDATE message SET headers = ? WHERE seq = ?",
        arguments: [MessageRow.stored(headers, due: max(transaction.now, time.wholeMillisecondsRoundedUp)), seq])
      try transaction.removeWaiting(seq, in: queue)
      if time > transaction.time {
        try transaction.delay(seq, in: queue, until: time.wholeMillisecondsRoundedUp)
      } else {
        try transaction.makeReady(seq, in: queue, rank: place.rank)
      }
    }
  }

  func replace(_ id: MessageID, in queue: QueueName, with content: Message) async throws(BrokerError) -> Int {
    try await change(id, in: queue) { transaction, seq, _ in
      transaction.statements.readMessage.bind(1, seq)
      let due = try transaction.statements.readMessage.first { MessageRow($0).due } ?? nil
      let headers = MessageRow.stored(content.headers, due: due)
      try transaction.database.execute(
        sql: "UPDATE message SET body = ?, headers = ?, content_type = ?, encoding = ? WHERE seq = ?",
        arguments: [
          content.body, headers, MessageRow.stored(contentType: content.contentType), content.contentEncoding, seq,
        ])
    }
  }

  /// Does something with each message of this id that waits in the queue. They are looked for in a snapshot, which holds no writer up,
  /// and looked at again when it is their turn. Returns how many there were.
  private func change(
    _ id: MessageID, in queue: QueueName, _ body: @escaping @Sendable (Transaction, Int64, Int64) throws -> Void
  ) async throws(BrokerError) -> Int {
    let known = try await writer.perform { try $0.queue(queue).id }
    // Ids of one's own have an index, which is used where the query says what it covers.
    let kind = id.rawValue.unicodeScalars.count == 36 ? "length(id) = 36" : "length(id) <> 36"
    let found = try await file.read { database in
      try Int64.fetchAll(
        database, sql: "SELECT seq FROM message WHERE id = ? AND \(kind) AND queue = ?",
        arguments: [id.rawValue, known])
    }
    if found.isEmpty { return 0 }
    return try await writer.perform { transaction in
      let queue = try transaction.queue(queue).id
      return try found.count { seq in
        guard try transaction.isWaiting(seq, in: queue) else { return false }
        try body(transaction, seq, queue)
        return true
      }
    }
  }
}

extension Transaction {
  /// Whether the message is in this queue, and no worker has it.
  fileprivate func isWaiting(_ seq: Int64, in queue: Int64) throws -> Bool {
    guard try place(of: seq)?.queue == queue else { return false }
    statements.isRunning.bind(1, seq)
    return try statements.isRunning.first { _ in true } == nil
  }
}
