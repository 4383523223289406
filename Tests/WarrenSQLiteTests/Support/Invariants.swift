import Foundation
import GRDB
import Testing
import Warren

@testable import WarrenSQLite

extension SQLiteBroker {
  /// What is wrong in the file: a message in no place or in two, counts that are off, rows about nothing. Empty when all is
  /// well.
  func violations() async throws -> [String] {
    try await file.database.read { database in
      try Self.rules.flatMap { rule, sql in
        try String.fetchAll(database, sql: sql).map { "\(rule): \($0)" }
      }
    }
  }

  private static let rules = [
    (
      "each message is in exactly one place",
      """
      SELECT 'message ' || m.seq FROM message m WHERE
        (SELECT count(*) FROM ready r WHERE r.seq = m.seq) + (SELECT count(*) FROM delayed d WHERE d.seq = m.seq)
        + (SELECT count(*) FROM running x WHERE x.seq = m.seq) <> 1
      """
    ),
    (
      "each place is of a message of that queue",
      """
      SELECT 'place of ' || p.seq FROM
        (SELECT seq, queue FROM ready UNION ALL SELECT seq, queue FROM delayed UNION ALL SELECT seq, queue FROM running) p
      LEFT JOIN message m ON m.seq = p.seq AND m.queue = p.queue WHERE m.seq IS NULL
      """
    ),
    (
      "the counts are exact",
      """
      SELECT q.name || ': ' || d.ready || ' ' || d.delayed || ' ' || d.running FROM depth d JOIN queue q ON q.id = d.queue
      WHERE d.ready <> (SELECT count(*) FROM ready r WHERE r.queue = d.queue)
        OR d.delayed <> (SELECT count(*) FROM delayed x WHERE x.queue = d.queue)
        OR d.running <> (SELECT count(*) FROM running x WHERE x.queue = d.queue)
      """
    ),
    (
      "the ranks are those of the messages",
      """
      SELECT 'message ' || m.seq FROM ready r JOIN message m ON m.seq = r.seq LEFT JOIN history h ON h.seq = m.seq
      WHERE r.rank <> 9 - m.priority + coalesce(h.isolation, 0)
      """
    ),
    (
      "one suspect of a queue is out at most",
      "SELECT 'queue ' || queue FROM running WHERE is_suspect GROUP BY queue HAVING count(*) > 1"
    ),
    (
      "what is out is out to a worker",
      "SELECT 'message ' || seq FROM running WHERE worker NOT IN (SELECT id FROM worker)"
    ),
    (
      "history is of a message",
      "SELECT 'history ' || seq FROM history WHERE seq NOT IN (SELECT seq FROM message)"
    ),
    (
      "a dead letter is a message of its queue",
      """
      SELECT 'dead letter ' || d.seq FROM dead_letter d LEFT JOIN message m ON m.seq = d.seq AND m.queue = d.queue
      WHERE m.seq IS NULL
      """
    ),
  ]
}

/// Fails the test unless the file is in order.
func expectOrder(_ broker: SQLiteBroker, sourceLocation: SourceLocation = #_sourceLocation) async throws {
  let violations = try await broker.violations()
  #expect(violations == [], sourceLocation: sourceLocation)
}
