internal import GRDB
internal import Warren

/// Where a message stands, and who holds it.
extension FileCheck {
  private static func withoutMessage(_ table: String) -> Rule {
    Rule(
      text: "\(table == "dead_letter" ? "dead letters" : "\(table) rows") without a message",
      count: "SELECT count(*) FROM \(table) WHERE seq NOT IN (SELECT seq FROM message)",
      repair: ["DELETE FROM \(table) WHERE seq NOT IN (SELECT seq FROM message)"])
  }

  static let places: [Rule] =
    ["ready", "delayed", "running", "history", "dead_letter"].map(withoutMessage) + [
      Rule(
        text: "messages of a queue that is not there",
        count: "SELECT count(*) FROM message WHERE queue NOT IN (SELECT id FROM queue)",
        repair: [
          """
          INSERT INTO queue (id, name) SELECT DISTINCT queue, 'warren.found.' || queue FROM message
          WHERE queue NOT IN (SELECT id FROM queue)
          """
        ]),
      // A queue that is made later may get the number.
      Rule(
        text: "rows about a queue or an exchange that is not there",
        count: """
          SELECT (SELECT count(*) FROM depth WHERE queue NOT IN (SELECT id FROM queue))
            + (SELECT count(*) FROM finished WHERE queue NOT IN (SELECT id FROM queue))
            + (SELECT count(*) FROM worker_queue WHERE queue NOT IN (SELECT id FROM queue))
            + (SELECT count(*) FROM binding
                WHERE queue NOT IN (SELECT id FROM queue) OR exchange NOT IN (SELECT id FROM exchange))
          """,
        repair: ["depth", "finished", "worker_queue", "binding"].map {
          "DELETE FROM \($0) WHERE queue NOT IN (SELECT id FROM queue)"
        } + ["DELETE FROM binding WHERE exchange NOT IN (SELECT id FROM exchange)"]),
      Rule(
        text: "bindings that are asked for a queue that is not there", in: .askedBinding,
        count: "SELECT count(*) FROM asked_binding WHERE queue NOT IN (SELECT id FROM queue)",
        repair: ["DELETE FROM asked_binding WHERE queue NOT IN (SELECT id FROM queue)"]),
      Rule(
        text: "messages that wait in the place of another queue",
        count: """
          SELECT count(*) FROM
            (SELECT seq, queue FROM ready UNION ALL SELECT seq, queue FROM delayed UNION ALL SELECT seq, queue FROM running) p
          JOIN message m ON m.seq = p.seq WHERE m.queue <> p.queue
          """,
        repair: ["ready", "delayed", "running"].map {
          "DELETE FROM \($0) WHERE queue <> (SELECT queue FROM message m WHERE m.seq = \($0).seq)"
        }),
      Rule(
        text: "messages in more than one place",
        count: """
          SELECT (SELECT count(*) FROM ready WHERE seq IN (SELECT seq FROM running) OR seq IN (SELECT seq FROM delayed))
            + (SELECT count(*) FROM delayed WHERE seq IN (SELECT seq FROM running))
            + (SELECT count(*) - count(DISTINCT seq) FROM ready)
          """,
        repair: [
          "DELETE FROM ready WHERE seq IN (SELECT seq FROM running) OR seq IN (SELECT seq FROM delayed)",
          "DELETE FROM delayed WHERE seq IN (SELECT seq FROM running)",
          "DELETE FROM ready WHERE EXISTS (SELECT 1 FROM ready r WHERE r.seq = ready.seq AND r.rank < ready.rank)",
        ]),
      Rule(
        text: "deliveries of a worker that is not there",
        count: "SELECT count(*) FROM running WHERE worker NOT IN (SELECT id FROM worker)",
        repair: ["DELETE FROM running WHERE worker NOT IN (SELECT id FROM worker)"]),
      Rule(
        text: "queues of a worker that is not there",
        count: "SELECT count(*) FROM worker_queue WHERE worker NOT IN (SELECT id FROM worker)",
        repair: ["DELETE FROM worker_queue WHERE worker NOT IN (SELECT id FROM worker)"]),
      Rule(
        text: "bindings that a worker asks for which is not there", in: .askedBinding,
        count: "SELECT count(*) FROM asked_binding WHERE worker NOT IN (SELECT id FROM worker)",
        repair: ["DELETE FROM asked_binding WHERE worker NOT IN (SELECT id FROM worker)"]),
      Rule(
        text: "messages in no place",
        count: """
          SELECT count(*) FROM message WHERE seq NOT IN
            (SELECT seq FROM ready UNION ALL SELECT seq FROM delayed UNION ALL SELECT seq FROM running)
          """,
        repair: [
          """
          INSERT INTO ready (queue, rank, seq)
          SELECT m.queue, 9 - m.priority + coalesce(h.isolation, 0), m.seq
          FROM message m LEFT JOIN history h ON h.seq = m.seq WHERE m.seq NOT IN
            (SELECT seq FROM ready UNION ALL SELECT seq FROM delayed UNION ALL SELECT seq FROM running)
          """
        ]),
      Rule(
        text: "queues whose counts are wrong",
        count: """
          SELECT count(*) FROM queue q LEFT JOIN depth d ON d.queue = q.id
          WHERE coalesce(d.ready, -1) <> (SELECT count(*) FROM ready r WHERE r.queue = q.id)
            OR d.delayed <> (SELECT count(*) FROM delayed x WHERE x.queue = q.id)
            OR d.running <> (SELECT count(*) FROM running x WHERE x.queue = q.id)
          """,
        repair: [
          "INSERT OR IGNORE INTO depth (queue) SELECT id FROM queue",
          """
          UPDATE depth SET ready = (SELECT count(*) FROM ready r WHERE r.queue = depth.queue),
            delayed = (SELECT count(*) FROM delayed d WHERE d.queue = depth.queue),
            running = (SELECT count(*) FROM running r WHERE r.queue = depth.queue)
          """,
        ]),
    ]
}
