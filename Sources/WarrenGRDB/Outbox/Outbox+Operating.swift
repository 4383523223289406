internal import Foundation
internal import GRDB
public import Warren

extension Outbox: OperableOutbox {
  /// What waits.
  public func status() async throws -> OutboxStatus {
    let now = clock.now
    var status = try await database.read { db in
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT (SELECT count(*) FROM warren_outbox), (SELECT count(*) FROM warren_outbox WHERE next_try IS NOT NULL),
            (SELECT stored_at FROM warren_outbox ORDER BY seq LIMIT 1),
            (SELECT error FROM warren_outbox WHERE next_try IS NOT NULL ORDER BY seq LIMIT 1)
          """)
      let oldest = (row?[2] as Int64?).map { Date(wholeMilliseconds: $0) }
      return OutboxStatus(
        waiting: row?[0] ?? 0, failing: row?[1] ?? 0,
        lag: .seconds(max(0, oldest.map { now.timeIntervalSince($0) } ?? 0)), error: row?[3], isRelayed: true)
    }
    if case .taken = RelayLock.take(database: database.path), OutboxFiles.path(beside: database.path, "") != nil {
      status.isRelayed = false
    }
    return status
  }

  /// What an operator should know or correct: that messages wait for longer than `patience`, that none is relayed, and which
  /// cannot be published.
  public func findings(patience: Duration = .seconds(30)) async throws -> [Finding] {
    let status = try await status()
    var findings: [Finding] = []
    if status.lag > patience {
      findings.append(
        Finding(
          status.isRelayed ? .warning : .problem,
          "\(status.waiting) messages wait in the outbox, the oldest for \(status.lag.words)"
            + (status.isRelayed ? "" : ", and no process relays them"),
          fix: status.isRelayed
            ? "see in the log of the process that relays whether the broker can be reached"
            : "run an `OutboxRelay` in a process that uses this database"))
    }
    if status.failing > 0 {
      findings.append(
        Finding(
          .problem, "\(status.failing) messages of the outbox could not be published: \(status.error ?? "")",
          fix: "correct the cause; they are published again by themselves"))
    }
    return findings
  }

  /// The messages that wait, the oldest first, at most so many.
  public func waiting(limit: Int) async throws -> [WaitingPublication] {
    try await database.read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, name, coalesce(queue, exchange, ''), stored_at, attempts, next_try, error FROM warren_outbox
          ORDER BY seq LIMIT ?
          """, arguments: [max(0, limit)]
      ).map { row in
        WaitingPublication(
          id: MessageID(row[0] as String), name: (row[1] as String?).map { MessageName($0) }, destination: row[2],
          stored: Date(wholeMilliseconds: row[3]), attempts: row[4],
          nextTry: (row[5] as Int64?).map { Date(wholeMilliseconds: $0) }, error: row[6])
      }
    }
  }

  /// The messages that could not be published, the oldest first, at most so many.
  public func failing(limit: Int) async throws -> [FailingPublication] {
    try await database.read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, name, coalesce(queue, exchange, ''), stored_at, attempts, next_try, error FROM warren_outbox
          WHERE next_try IS NOT NULL ORDER BY seq LIMIT ?
          """, arguments: [max(0, limit)]
      ).map { row in
        FailingPublication(
          id: MessageID(row[0] as String), name: (row[1] as String?).map { MessageName($0) }, destination: row[2],
          stored: Date(wholeMilliseconds: row[3]), attempts: row[4], nextTry: Date(wholeMilliseconds: row[5]),
          error: row[6] ?? "")
      }
    }
  }

  /// Publishes what has failed again at once, such as after its cause was corrected.
  public func retryNow() async throws {
    try await database.write { db in
      try db.execute(sql: "UPDATE warren_outbox SET next_try = 0 WHERE next_try IS NOT NULL")
    }
    wake.signal()
  }

  /// Deletes a message that can never be published. Returns whether it was there.
  @discardableResult
  public func discard(_ id: MessageID) async throws -> Bool {
    try await database.write { db in
      try db.execute(sql: "DELETE FROM warren_outbox WHERE id = ?", arguments: [id.rawValue])
      return db.changesCount > 0
    }
  }
}
