internal import Foundation
internal import GRDB
internal import Warren

/// Reads the dead letters that rows of the table `dead_letter` are about.
struct DeadLetterRows {
  private let read: Prepared
  private let topology: KnownTopology

  init(_ database: Database, _ topology: KnownTopology, includesBodies: Bool) throws {
    self.topology = topology
    var others: [MessageRow.Column: String] = [.expiresAt: "d.expires_at"]
    if !includesBodies { others[.body] = "x''" }
    read = try Prepared(
      database,
      """
      SELECT \(MessageRow.selection(with: others))
      FROM dead_letter d JOIN message m ON m.seq = d.seq LEFT JOIN history h ON h.seq = d.seq WHERE d.seq = ?1
      """)
  }

  /// `nil` when the row says that there is a message, and there is none.
  func letter(_ row: Row) throws -> DeadLetter? {
    read.bind(1, row.int("seq"))
    guard let content = try read.first({ MessageRow($0) }) else { return nil }
    return DeadLetter(
      message: content.message, queue: topology[row.int("queue")]?.name ?? "",
      origin: topology[row.int("origin")]?.name ?? "",
      exchange: topology.exchangeName(row.optionalInt("exchange")), routingKey: RoutingKey(row.text("routing_key")),
      reason: DeadLetterReason(DeadLetterReason.Kind(rawValue: row.text("reason")), row.text("detail")),
      time: Date(wholeMilliseconds: row.int("at")), history: content.history,
      address: MessageID("@\(row.int("seq"))"))
  }
}

extension DeadLetterSelection {
  /// The rows of the table `dead_letter` that this selects, the oldest first; of a message that was parked in several queues
  /// the first, unless one of them is asked for.
  func rows(
    _ database: Database, _ topology: KnownTopology, after: Int64, before: Int64 = .max, limit: Int
  ) throws -> [Row] {
    var (conditions, arguments, rest) = statement(topology)
    conditions += ["seq > ?", "seq < ?"]
    let sql = "SELECT * FROM dead_letter d WHERE \(conditions.joined(separator: " AND ")) ORDER BY seq LIMIT ?"
    func fetch(after: Int64, _ limit: Int) throws -> [Row] {
      try Row.fetchAll(database, sql: sql, arguments: arguments + [after, before, limit])
    }
    if rest.isEmpty, fingerprint == nil { return try fetch(after: after, limit) }
    // What the table does not tell is looked up in the messages, some at a time.
    let reader = try DeadLetterRows(database, topology, includesBodies: rest.needsBodies)
    var found: [Row] = []
    var position = after
    while found.count < limit {
      let some = try fetch(after: position, 500)
      for row in some where found.count < limit {
        guard let letter = try reader.letter(row), rest.matches(letter) else { continue }
        if fingerprint == nil || letter.fingerprint == fingerprint { found.append(row) }
      }
      guard some.count == 500, let last = some.last else { break }
      position = last.int("seq")
    }
    return found
  }

  /// What the table itself can tell, as conditions with their arguments, and the rest.
  private func statement(_ topology: KnownTopology) -> ([String], StatementArguments, rest: MessageFilter) {
    var conditions: [String] = []
    var arguments: StatementArguments = []
    var rest = MessageFilter()
    func require(_ condition: String, _ values: [any DatabaseValueConvertible]) {
      conditions.append(condition)
      arguments += StatementArguments(values)
    }
    for condition in filter.conditions {
      guard let (sql, values) = condition.statement(topology, row: "d") else {
        rest.conditions.append(condition)
        continue
      }
      require(sql, values)
    }
    // A queue that is not there has no dead letters.
    if let queue {
      require("queue = ?", [topology.queues[queue]?.id ?? -1])
    } else {
      let same = filter.conditions.filter { $0.field == .queue }.compactMap { $0.statement(topology, row: "o")?.0 }
      let isFirst = (["o.parking = d.parking", "o.seq < d.seq"] + same).joined(separator: " AND ")
      require("NOT EXISTS (SELECT 1 FROM dead_letter o WHERE \(isFirst))", [])
    }
    if let origin { require("origin = ?", [topology.queues[origin]?.id ?? -1]) }
    if !ids.isEmpty {
      let list = MessageCondition.list(ids.map(\.rawValue))
      require(
        "(id IN (SELECT value FROM json_each(?)) OR '@' || seq IN (SELECT value FROM json_each(?)))", [list, list])
    }
    if let until { require("at <= ?", [until.wholeMilliseconds]) }
    return (conditions, arguments, rest)
  }
}

extension MessageCondition {
  /// The condition on a row of the table `dead_letter`, with its arguments; `nil` when the table does not tell.
  fileprivate func statement(
    _ topology: KnownTopology, row: String
  ) -> (String, [any DatabaseValueConvertible])? {
    let found: (String, [any DatabaseValueConvertible])?
    switch field {
    case .queue:
      let numbers = numbers(topology)
      found = ("\(row).queue IN (\(numbers)) OR \(row).origin IN (\(numbers))", [])
    case .origin: found = ("\(row).origin IN (\(numbers(topology)))", [])
    case .name: found = text("coalesce(\(row).name, '')")
    case .id: found = text("coalesce(\(row).id, '')")
    case .reason: found = text("\(row).reason")
    case .key: found = text("\(row).routing_key")
    case .time:
      guard case .compares(let order, let limit) = test else { return nil }
      found = ("\(row).at \(order.rawValue) ?", [limit])
    default: found = nil
    }
    return found.map { (isNegated ? "NOT (\($0))" : "(\($0))", $1) }
  }

  /// The numbers of the queues with such a name.
  private func numbers(_ topology: KnownTopology) -> String {
    topology.queues.values.filter { test.holds(for: $0.name.rawValue) }.map { "\($0.id)" }.joined(separator: ", ")
  }

  private func text(_ column: String) -> (String, [any DatabaseValueConvertible])? {
    switch test {
    case .equals(let texts): return ("\(column) IN (SELECT value FROM json_each(?))", [Self.list(texts)])
    case .resembles(let patterns):
      return (patterns.map { _ in "\(column) GLOB ?" }.joined(separator: " OR "), patterns.map(Self.glob))
    case .contains(let part): return ("instr(lower(\(column)), lower(?)) > 0", [part])
    case .compares: return nil
    }
  }

  /// Texts as one argument: the number of arguments of a statement is limited.
  static func list(_ texts: [String]) -> String {
    (try? JSONEncoder().encode(texts)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }

  /// A pattern in which only `*` stands for something else.
  private static func glob(_ pattern: String) -> String {
    pattern.map { "[?".contains($0) ? "[\($0)]" : String($0) }.joined()
  }
}
