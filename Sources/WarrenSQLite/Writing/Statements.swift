internal import GRDB

/// The statements of the writing connection that run often, compiled once. All SQL that moves a message is here.
final class Statements {
  // One row, read at the beginning of every transaction and written at its end if it changed.
  let readMeta: Prepared
  let dataVersion: Prepared
  let writeMeta: Prepared

  let insertMessage: Prepared
  let copyMessage: Prepared
  let deleteMessage: Prepared
  let readMessage: Prepared
  let readPlace: Prepared
  let findWaitingKey: Prepared
  let findKey: Prepared
  let forgetKey: Prepared
  let postponeExpiry: Prepared

  let insertReady: Prepared
  let deleteReady: Prepared
  let anyReady: Prepared
  let listReady: Prepared
  let listWaiting: Prepared
  let firstSuspect: Prepared

  let insertDelayed: Prepared
  let deleteDelayed: Prepared
  let listDue: Prepared
  let earliestDue: Prepared

  let insertRunning: Prepared
  let deleteRunning: Prepared
  let anySuspectRunning: Prepared
  let runningOf: Prepared
  let isRunning: Prepared

  let writeHistory: Prepared
  let readHistory: Prepared
  let deleteHistory: Prepared

  let insertDeadLetter: Prepared
  let readDeadLetter: Prepared
  let readParking: Prepared
  let deleteDeadLetter: Prepared

  let writeDepth: Prepared
  let remember: Prepared
  let isRemembered: Prepared
  let listForgotten: Prepared
  let forget: Prepared
  let listExpired: Prepared
  let earliestExpiry: Prepared
  let workerExists: Prepared

  init(_ database: Database) throws {
    func make(_ sql: String) throws -> Prepared { try Prepared(database, sql) }
    readMeta = try make("SELECT next_seq, topology_version, workers_version FROM meta")
    dataVersion = try make("PRAGMA data_version")
    writeMeta = try make("UPDATE meta SET next_seq = ?1, topology_version = ?2, workers_version = ?3")

    insertMessage = try make(MessageRow.insertion)
    // With another number, queue, way and expiry; the rest as it is.
    copyMessage = try make(
      MessageRow.copy(with: [
        .seq: "?2", .queue: "?3", .exchange: "?4", .routingKey: "?5", .expiresAt: "?6", .parkAt: "?7",
      ]))
    deleteMessage = try make("DELETE FROM message WHERE seq = ?1")
    readMessage = try make(
      "SELECT \(MessageRow.selection()) FROM message m LEFT JOIN history h ON h.seq = m.seq WHERE m.seq = ?1")
    readPlace = try make(
      """
      SELECT m.queue, m.priority, m.park_at, h.isolation FROM message m LEFT JOIN history h ON h.seq = m.seq
      WHERE m.seq = ?1
      """)
    findWaitingKey = try make(
      """
      SELECT seq, unique_since, published_at FROM message m
      WHERE unique_queue = ?1 AND unique_key = ?2 AND queue = ?1
        AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = m.seq)
      """)
    findKey = try make("SELECT 1 FROM message WHERE unique_queue = ?1 AND unique_key = ?2 LIMIT 1")
    forgetKey = try make(
      """
      UPDATE message SET unique_key = NULL, unique_queue = NULL, unique_window = NULL WHERE seq = ?1 AND unique_queue = ?2
      """)
    postponeExpiry = try make("UPDATE message SET park_at = ?2 WHERE seq = ?1 AND park_at <= ?2")

    insertReady = try make("INSERT OR IGNORE INTO ready (queue, rank, seq) VALUES (?1, ?2, ?3)")
    deleteReady = try make("DELETE FROM ready WHERE queue = ?1 AND rank = ?2 AND seq = ?3")
    anyReady = try make("SELECT 1 FROM ready WHERE queue = ?1 LIMIT 1")
    listReady = try make(
      """
      SELECT rank, seq FROM ready WHERE queue = ?1 AND rank < \(Schema.suspectRank) ORDER BY rank, seq LIMIT ?2
      """)
    listWaiting = try make("SELECT queue FROM depth WHERE ready > 0")
    firstSuspect = try make(
      """
      SELECT rank, seq FROM ready WHERE queue = ?1 AND rank >= \(Schema.suspectRank) ORDER BY rank, seq LIMIT 1
      """)

    insertDelayed = try make("INSERT OR IGNORE INTO delayed (seq, queue, due) VALUES (?1, ?2, ?3)")
    deleteDelayed = try make("DELETE FROM delayed WHERE seq = ?1")
    listDue = try make("SELECT seq, queue FROM delayed WHERE due <= ?1 ORDER BY due, seq LIMIT ?2")
    earliestDue = try make("SELECT min(due) FROM delayed")

    insertRunning = try make(
      "INSERT OR IGNORE INTO running (seq, queue, worker, fence, since, is_suspect) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
    deleteRunning = try make("DELETE FROM running WHERE seq = ?1 AND worker = ?2 AND fence = ?3")
    anySuspectRunning = try make("SELECT 1 FROM running WHERE queue = ?1 AND is_suspect > 0 LIMIT 1")
    isRunning = try make("SELECT 1 FROM running WHERE seq = ?1")
    runningOf = try make("SELECT seq, queue, fence, is_suspect FROM running WHERE worker = ?1")

    writeHistory = try make("INSERT OR REPLACE INTO history (seq, isolation, record) VALUES (?1, ?2, ?3)")
    readHistory = try make("SELECT isolation, record FROM history WHERE seq = ?1")
    deleteHistory = try make("DELETE FROM history WHERE seq = ?1")

    insertDeadLetter = try make(
      """
      INSERT INTO dead_letter
        (seq, queue, origin, parking, id, name, exchange, routing_key, expires_at, reason, detail, at)
      SELECT ?2, ?3, queue, seq, id, name, exchange, coalesce(routing_key, name, ''), expires_at, ?4, ?5, ?6
      FROM message WHERE seq = ?1
      """)
    readDeadLetter = try make(
      "SELECT queue, origin, exchange, routing_key, expires_at, parking FROM dead_letter WHERE seq = ?1")
    readParking = try make("SELECT seq, queue FROM dead_letter WHERE parking = ?1 ORDER BY seq")
    deleteDeadLetter = try make("DELETE FROM dead_letter WHERE seq = ?1")

    writeDepth = try make(
      """
      UPDATE depth SET ready = ready + ?2, delayed = delayed + ?3, running = running + ?4, published = published + ?5,
        completed = completed + ?6, retried = retried + ?7, dead_lettered = dead_lettered + ?8
      WHERE queue = ?1
      """)
    remember = try make("INSERT OR REPLACE INTO finished (queue, key, until) VALUES (?1, ?2, ?3)")
    isRemembered = try make("SELECT 1 FROM finished WHERE queue = ?1 AND key = ?2 AND until > ?3")
    listForgotten = try make("SELECT queue, key FROM finished WHERE until <= ?1 LIMIT ?2")
    forget = try make("DELETE FROM finished WHERE queue = ?1 AND key = ?2")
    listExpired = try make(
      """
      SELECT seq, queue FROM message m
      WHERE park_at <= ?1 AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = m.seq) LIMIT ?2
      """)
    earliestExpiry = try make("SELECT min(park_at) FROM message WHERE park_at > ?1")
    workerExists = try make("SELECT 1 FROM worker WHERE id = ?1")
  }
}
