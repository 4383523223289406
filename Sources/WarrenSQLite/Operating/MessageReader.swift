internal import Foundation
internal import GRDB
internal import Warren

/// Shows single messages where they are.
struct MessageReader {
  let file: BrokerFile

  /// A place in one of the tables `running`, `ready` and `delayed`.
  private struct Place {
    var seq: Int64
    var queue: Int64
    var state: QueuedMessage.State
    var since: Int64?
    var worker: String?
    var due: Int64?
  }

  func page(_ selection: QueuedMessageSelection) async throws(BrokerError) -> QueuedMessagePage {
    let limit = min(max(0, selection.limit), 10_000)
    return try await file.read { database in
      let topology = try KnownTopology(database)
      if let queue = selection.queue, topology.queues[queue] == nil {
        throw BrokerError.missing(queue)
      }
      var places: [Place] = []
      for state in QueuedMessage.State.allCases where selection.state == nil || selection.state == state {
        // One more than asked for tells whether there are others.
        if places.count > limit { break }
        places += try Self.places(state, selection, topology, limit: limit + 1 - places.count, database)
      }
      let others: [MessageRow.Column: String] = selection.includesBodies ? [:] : [.body: "x''"]
      let read = try Prepared(
        database,
        """
        SELECT \(MessageRow.selection(with: others)) FROM message m LEFT JOIN history h ON h.seq = m.seq
        WHERE m.seq = ?1
        """)
      let messages = try places.prefix(limit).compactMap { place -> QueuedMessage? in
        read.bind(1, place.seq)
        guard let row = try read.first({ MessageRow($0) }) else { return nil }
        return QueuedMessage(
          message: row.message, queue: topology[place.queue]?.name ?? "", state: place.state,
          since: place.since.map { Date(wholeMilliseconds: $0) }, worker: place.worker,
          due: place.due.map { Date(wholeMilliseconds: $0) }, exchange: topology.exchangeName(row.exchange),
          routingKey: row.key, history: row.history)
      }
      return QueuedMessagePage(messages: messages, hasMore: places.count > limit)
    }
  }

  private static func places(
    _ state: QueuedMessage.State, _ selection: QueuedMessageSelection, _ topology: KnownTopology, limit: Int,
    _ database: Database
  ) throws -> [Place] {
    var conditions = ["TRUE"]
    var arguments: StatementArguments = []
    if let queue = selection.queue {
      conditions.append("p.queue = ?")
      arguments += [topology.queues[queue]?.id ?? -1]
    }
    if let id = selection.id {
      conditions.append("p.seq IN (SELECT seq FROM message WHERE id = ?)")
      arguments += [id.rawValue]
    }
    let columns: String
    let order: String
    switch state {
    case .running:
      (columns, order) = (
        "p.since, w.name AS worker FROM running p LEFT JOIN worker w ON w.id = p.worker", "p.since, p.seq"
      )
    case .ready: (columns, order) = ("NULL AS since FROM ready p", "p.queue, p.rank, p.seq")
    case .delayed: (columns, order) = ("p.due FROM delayed p", "p.due, p.seq")
    }
    let sql = """
      SELECT p.seq, p.queue, \(columns) WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(order) LIMIT \(limit)
      """
    return try Row.fetchAll(database, sql: sql, arguments: arguments).map { row in
      var place = Place(seq: row.int("seq"), queue: row.int("queue"), state: state)
      switch state {
      case .running:
        place.since = row.optionalInt("since")
        place.worker = row.optionalText("worker")
      case .delayed: place.due = row.optionalInt("due")
      case .ready: break
      }
      return place
    }
  }
}
