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
      let filter = selection.filter
      let readsBodies = selection.includesBodies || filter.needsBodies
      let others: [MessageRow.Column: String] = readsBodies ? [:] : [.body: "x''"]
      let read = try Prepared(
        database,
        """
        SELECT \(MessageRow.selection(with: others)) FROM message m LEFT JOIN history h ON h.seq = m.seq
        WHERE m.seq = ?1
        """)
      var page = QueuedMessagePage(messages: [], hasMore: false)
      var looked = 0
      for state in QueuedMessage.State.allCases where selection.state == nil || selection.state == state {
        // Without a filter one more than asked for tells whether there are others.
        let most = filter.isEmpty ? limit + 1 - page.messages.count : nil
        try Self.visit(state, selection, topology, limit: most, database) { place in
          if !filter.isEmpty, looked == QueuedMessageSelection.mostLooked {
            page.looked = looked
            return false
          }
          looked += 1
          read.bind(1, place.seq)
          guard let row = try read.first({ MessageRow($0) }) else { return true }
          let queue = topology[place.queue]?.name ?? ""
          let searched = SearchedMessage(row.message, in: queue, routingKey: row.key, history: row.history)
          guard filter.matches(searched) else { return true }
          if page.messages.count == limit {
            page.hasMore = true
            return false
          }
          var message = row.message
          if !selection.includesBodies { message.body = Data() }
          page.messages.append(
            QueuedMessage(
              message: message, queue: queue, state: place.state,
              since: place.since.map { Date(wholeMilliseconds: $0) }, worker: place.worker,
              due: place.due.map { Date(wholeMilliseconds: $0) }, exchange: topology.exchangeName(row.exchange),
              routingKey: row.key, history: row.history))
          return true
        }
        if page.hasMore || page.looked != nil { break }
      }
      return page
    }
  }

  /// Visits the places in their order, until `body` has seen enough.
  private static func visit(
    _ state: QueuedMessage.State, _ selection: QueuedMessageSelection, _ topology: KnownTopology, limit: Int?,
    _ database: Database, _ body: (Place) throws -> Bool
  ) throws {
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
      SELECT p.seq, p.queue, \(columns) WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(order) LIMIT \(limit ?? -1)
      """
    let rows = try Row.fetchCursor(database, sql: sql, arguments: arguments)
    while let row = try rows.next() {
      var place = Place(seq: row.int("seq"), queue: row.int("queue"), state: state)
      switch state {
      case .running:
        place.since = row.optionalInt("since")
        place.worker = row.optionalText("worker")
      case .delayed: place.due = row.optionalInt("due")
      case .ready: break
      }
      if try !body(place) { return }
    }
  }
}
