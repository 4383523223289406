internal import Foundation
internal import GRDB
internal import Warren

/// The samples of queues in the broker's file. The queue 0 is all of them together.
struct SampleTable {
  let file: BrokerFile
  let writer: Writer

  func keep(_ all: QueueSample?, _ queues: [QueueName: QueueSample]) async throws(BrokerError) {
    try await writer.perform { transaction in
      try AddedTable.sample.make(in: transaction.database)
      if let all { try transaction.keep(all, of: 0, in: .all) }
      for (name, sample) in queues {
        // One that was deleted meanwhile has none.
        guard let queue = transaction.state.topology.queues[name] else { continue }
        try transaction.keep(sample, of: queue.id, in: .queue)
      }
    }
  }

  func samples(of queue: QueueName?, now: Date) async throws(BrokerError) -> [QueueSample] {
    let ring: SampleRing = queue == nil ? .all : .queue
    let first = now.adding(.zero - ring.length).wholeMilliseconds
    return try await file.read { database in
      guard try AddedTable.sample.isThere(in: database) else { return [] }
      return try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM sample WHERE queue = \(queue == nil ? "0" : "(SELECT id FROM queue WHERE name = ?)")
          ORDER BY time
          """, arguments: queue.map { [$0.rawValue] } ?? []
      )
      .filter { $0.int("time") > first && $0.int("time") <= now.wholeMilliseconds }
      .map { row in
        QueueSample(
          time: Date(wholeMilliseconds: row.int("time")), published: row.thousandth("published"),
          completed: row.thousandth("completed"), failed: row.thousandth("failed"),
          depth: row.optionalInt("depth").map { _ in row.count("depth") }, oldest: row.thousandth("oldest"))
      }
    }
  }
}

extension Row {
  fileprivate func thousandth(_ column: String) -> Double? {
    optionalInt(column).map { Double(Swift.max(0, $0)) / 1_000 }
  }
}

extension Transaction {
  fileprivate func keep(_ sample: QueueSample, of queue: Int64, in ring: SampleRing) throws {
    func thousands(_ value: Double?) -> Int64? { value.map { Int64(min(max(0, $0), 1e12) * 1_000) } }
    try database.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO sample (queue, slot, time, published, completed, failed, depth, oldest)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      queue, ring.slot(of: sample.time), sample.time.wholeMilliseconds, thousands(sample.published),
      thousands(sample.completed), thousands(sample.failed), sample.depth, thousands(sample.oldest),
    ])
  }
}
