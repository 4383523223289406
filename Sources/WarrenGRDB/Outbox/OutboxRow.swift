internal import Foundation
internal import GRDB
internal import Warren

/// A publication as the table `warren_outbox` has it, and back.
struct OutboxRow {
  var seq: Int64
  var orderKey: String?
  var attempts: Int
  /// Milliseconds since 1970.
  private var storedAt: Int64
  var publication: Publication

  private static let columns = """
    id, name, exchange, routing_key, queue, not_before, uniqueness, content_type, content_encoding, published_at, \
    correlation, causation, source, priority, expires_at, headers, body
    """

  /// Put together once: every message that is stored asks for it.
  private static let insertion = """
    INSERT INTO warren_outbox (order_key, stored_at, \(columns))
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """

  static func insert(_ publication: Publication, id: MessageID, orderKey: String?, at time: Date, _ db: Database) throws
  {
    let message = publication.message
    var exchange: String?
    var key: String?
    var queue: String?
    switch publication.destination {
    case .exchange(let name, let routingKey): (exchange, key) = (name.rawValue, routingKey.rawValue)
    case .queue(let name): queue = name.rawValue
    }
    try db.cachedStatement(sql: insertion).execute(arguments: [
      orderKey, time.wholeMilliseconds, id.rawValue, message.name?.rawValue, exchange, key, queue,
      publication.notBefore?.wholeMillisecondsRoundedUp, try publication.unique.map(text), message.contentType,
      message.contentEncoding, message.timestamp?.wholeMilliseconds, message.correlationID, message.causationID,
      message.source, Int64(message.priority.rawValue), message.expiresAt?.wholeMilliseconds,
      message.headers.isEmpty ? nil : try text(message.headers), message.body,
    ])
  }

  /// The next rows to publish, in order, at most so many, with bodies of at most `size` bytes together beside the first.
  ///
  /// Once a message waits for its next try, those behind it with its order key are passed over. `oneOfEachKey` takes only the
  /// first message of each order key.
  static func next(_ db: Database, now: Date, limit: Int, size: Int, oneOfEachKey: Bool) throws -> [OutboxRow] {
    let select = try db.cachedStatement(
      sql: "SELECT seq, order_key, attempts, \(columns), stored_at, next_try FROM warren_outbox ORDER BY seq")
    let now = now.wholeMilliseconds
    var rows: [OutboxRow] = []
    var heldKeys: Set<String> = []
    var left = size
    let cursor = try Row.fetchCursor(select)
    while rows.count < limit, let row = try cursor.next() {
      let orderKey: String? = row[1]
      if let orderKey, heldKeys.contains(orderKey) { continue }
      let nextTry: Int64? = row[21]
      let isWaiting = nextTry.map { $0 > now } ?? false
      if let orderKey, isWaiting || oneOfEachKey { heldKeys.insert(orderKey) }
      if isWaiting { continue }
      let found = try OutboxRow(row)
      left -= found.publication.message.body.count
      if left < 0, !rows.isEmpty { break }
      rows.append(found)
    }
    return rows
  }

  /// Deletes it. Its `seq` alone would not do: when the last message goes, the next one gets that again.
  func delete(_ db: Database) throws {
    try db.cachedStatement(sql: Self.deletion).execute(arguments: identity)
  }

  /// Notes that it could not be published, and when that is tried again.
  func postpone(until time: Int64, error: String, _ db: Database) throws {
    try db.cachedStatement(
      sql: "UPDATE warren_outbox SET attempts = attempts + 1, next_try = ?, error = ? WHERE \(Self.isIt)"
    ).execute(arguments: [time, error] + identity)
  }

  private static let isIt = "seq = ? AND id = ? AND stored_at = ?"
  private static let deletion = "DELETE FROM warren_outbox WHERE \(isIt)"
  private var identity: StatementArguments { [seq, publication.message.id?.rawValue, storedAt] }

  private init(_ row: Row) throws {
    seq = row[0]
    orderKey = row[1]
    attempts = row[2]
    storedAt = row[20]
    func time(_ index: Int) -> Date? { (row[index] as Int64?).map { Date(wholeMilliseconds: $0) } }
    func name<N: Name>(_ index: Int) -> N? { (row[index] as String?).map { N($0) } }
    let message = Message(
      id: name(3), name: name(4), body: row[19],
      headers: try (row[18] as String?).map { try Self.value($0) } ?? [:], contentType: row[10],
      contentEncoding: row[11],
      timestamp: time(12), correlationID: row[13], causationID: row[14], source: row[15],
      priority: Priority(rawValue: UInt8(clamping: row[16] as Int64)) ?? .normal, expiresAt: time(17))
    let destination: Publication.Destination =
      if let queue: QueueName = name(7) { .queue(queue) } else { .exchange(name(5) ?? "", name(6) ?? "") }
    publication = Publication(
      message, to: destination, notBefore: time(8), unique: try (row[9] as String?).map { try Self.value($0) })
  }

  private static func text(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }
  private static func value<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}
