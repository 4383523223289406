internal import Foundation
internal import Warren

/// What keeps repeats of a job out, as the table `message` has it.
struct UniqueKey {
  /// The queue that the key belongs to.
  var queue: Int64
  var key: String
  /// For how many milliseconds after the job was completed.
  var window: Int64
  /// When the first of the jobs came whose place this one has taken; `nil`: it is the first.
  var since: Int64?
}

extension UniqueKey {
  init(_ unique: Uniqueness, in queue: Int64) {
    self.init(queue: queue, key: unique.key, window: unique.window.wholeMilliseconds)
  }
}

/// A row of the table `message`, with what the table `history` has about it.
struct MessageRow {
  /// The columns of the table, in the order in which they are written and read. Their names in the file are these, with
  /// underscores.
  enum Column: Int32, CaseIterable {
    case seq, queue, id, name, exchange, routingKey, contentType, encoding, correlation, causation, source, priority
    case publishedAt, expiresAt, parkAt, uniqueKey, uniqueQueue, uniqueWindow, uniqueSince, headers, body

    var name: String { "\(self)".map { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" }.joined() }
    /// The place among the columns that are read, from 0.
    var index: Int32 { rawValue }
    /// The place among the values that are bound, from 1.
    var parameter: Int32 { rawValue + 1 }
  }

  var seq: Int64
  var queue: Int64
  var message: Message
  /// `nil`: put into the queue directly.
  var exchange: Int64?
  var key: RoutingKey
  /// When it is parked as expired, unless it is settled before.
  var parkAt: Int64?
  /// Until when it was delayed when it was published. It lies beside the headers: few messages have it.
  var due: Int64?
  var unique: UniqueKey?
  /// What is added to the rank of one that is handed out alone; else 0.
  var isolation: Int64 = 0
  /// Whether something has happened to it.
  var hasHistory = false
  var history = History()
}

extension MessageRow {
  private static let columns = Column.allCases.map(\.name)
  /// The columns of `SELECT … FROM message m LEFT JOIN history h ON h.seq = m.seq` that ``init(_:)`` reads. A column for
  /// which another expression is given is read from that.
  static func selection(with others: [Column: String] = [:]) -> String {
    Column.allCases.map { others[$0] ?? "m.\($0.name)" }.joined(separator: ", ") + ", h.isolation, h.record"
  }
  /// Writes what ``bind(to:)`` binds.
  static let insertion = """
    INSERT INTO message (\(columns.joined(separator: ", ")))
    VALUES (\(Column.allCases.map { "?\($0.parameter)" }.joined(separator: ", ")))
    """
  /// Copies a row, whose number is the first argument, with other values in some columns.
  static func copy(with others: [Column: String]) -> String {
    """
    INSERT INTO message (\(columns.joined(separator: ", ")))
    SELECT \(Column.allCases.map { others[$0] ?? $0.name }.joined(separator: ", ")) FROM message WHERE seq = ?1
    """
  }

  func bind(to statement: Prepared) {
    statement.bind(Column.seq.parameter, seq)
    statement.bind(Column.queue.parameter, queue)
    statement.bind(Column.id.parameter, message.id?.rawValue)
    statement.bind(Column.name.parameter, message.name?.rawValue)
    statement.bind(Column.exchange.parameter, exchange)
    statement.bind(Column.routingKey.parameter, key.rawValue == message.name?.rawValue ? nil : key.rawValue)
    statement.bind(Column.contentType.parameter, Self.stored(contentType: message.contentType))
    statement.bind(Column.encoding.parameter, message.contentEncoding)
    statement.bind(Column.correlation.parameter, message.correlationID)
    statement.bind(Column.causation.parameter, message.causationID)
    statement.bind(Column.source.parameter, message.source)
    statement.bind(Column.priority.parameter, Int64(message.priority.rawValue))
    statement.bind(Column.publishedAt.parameter, message.timestamp?.wholeMilliseconds)
    statement.bind(Column.expiresAt.parameter, message.expiresAt?.wholeMilliseconds)
    statement.bind(Column.parkAt.parameter, parkAt)
    statement.bind(Column.uniqueKey.parameter, unique?.key)
    statement.bind(Column.uniqueQueue.parameter, unique?.queue)
    statement.bind(Column.uniqueWindow.parameter, unique?.window)
    statement.bind(Column.uniqueSince.parameter, unique?.since)
    statement.bind(Column.headers.parameter, Self.stored(message.headers, due: due))
    statement.bind(Column.body.parameter, message.body)
  }

  /// Reads a row whose columns are those of ``selection(with:)``.
  init(_ row: Prepared) {
    let afterColumns = Int32(Column.allCases.count)
    let contentType = row.optionalText(Column.contentType.index)
    let name = row.optionalText(Column.name.index)
    var headers = row.optionalText(Column.headers.index).map(HeaderText.read) ?? [:]
    let due = headers.isEmpty ? nil : headers.removeValue(forKey: Self.dueHeader)
    self.init(
      seq: row.int(Column.seq.index), queue: row.int(Column.queue.index),
      message: Message(
        id: row.optionalText(Column.id.index).map { MessageID($0) },
        name: name.map { MessageName($0) },
        body: row.data(Column.body.index),
        headers: headers,
        contentType: contentType == nil ? Self.usualType : contentType == "" ? nil : contentType,
        contentEncoding: row.optionalText(Column.encoding.index),
        timestamp: row.optionalInt(Column.publishedAt.index).map { Date(wholeMilliseconds: $0) },
        correlationID: row.optionalText(Column.correlation.index),
        causationID: row.optionalText(Column.causation.index),
        source: row.optionalText(Column.source.index),
        priority: Priority(rawValue: UInt8(9 - Schema.rank(priority: row.int(Column.priority.index)))) ?? .normal,
        expiresAt: row.optionalInt(Column.expiresAt.index).map { Date(wholeMilliseconds: $0) }),
      exchange: row.optionalInt(Column.exchange.index),
      key: RoutingKey(row.optionalText(Column.routingKey.index) ?? name ?? ""),
      parkAt: row.optionalInt(Column.parkAt.index), due: due.flatMap { Int64($0) },
      unique: row.optionalText(Column.uniqueKey.index).map { key in
        UniqueKey(
          queue: row.int(Column.uniqueQueue.index), key: key, window: row.int(Column.uniqueWindow.index),
          since: row.optionalInt(Column.uniqueSince.index))
      })
    hasHistory = !row.isNull(afterColumns)
    if hasHistory {
      isolation = Schema.isolation(row.int(afterColumns))
      history = History(stored: row.optionalText(afterColumns + 1))
    }
  }

  private static let usualType = "application/json"
  private static let dueHeader = "warren-due"

  /// What stands in the file for a content type.
  static func stored(contentType: String?) -> String? { contentType == usualType ? nil : contentType ?? "" }

  /// What stands in the file for headers, and for until when the message was delayed.
  static func stored(_ headers: Message.Headers, due: Int64?) -> String? {
    var headers = headers
    if let due { headers[dueHeader] = "\(due)" }
    return headers.isEmpty ? nil : HeaderText.write(headers)
  }
}

extension Message {
  /// The place among the waiting messages of a queue: the lower, the sooner.
  var rank: Int64 { 9 - Int64(priority.rawValue) }

  /// As it would come out of the file: with times in whole milliseconds.
  var asStored: Message {
    func whole(_ time: Date?) -> Date? { time.map { Date(wholeMilliseconds: $0.wholeMilliseconds) } }
    let (timestamp, expiresAt) = (whole(self.timestamp), whole(self.expiresAt))
    if timestamp == self.timestamp, expiresAt == self.expiresAt { return self }
    var message = self
    message.timestamp = timestamp
    message.expiresAt = expiresAt
    return message
  }
}

extension History {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .millisecondsSince1970
    return encoder
  }()
  private static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .millisecondsSince1970
    return decoder
  }()

  /// The text that the table `history` has; `nil` for one to which nothing has happened.
  var stored: String? {
    if isEmpty { return nil }
    // Numbers, dates and texts cannot fail to encode.
    return (try? Self.encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
  }

  init(stored: String?) {
    guard let stored, let history = try? Self.decoder.decode(History.self, from: Data(stored.utf8)) else {
      self.init()
      return
    }
    // Its counters are kept in bounds there.
    self.init(
      attempts: history.attempts, interruptions: history.interruptions, failures: history.failures,
      replays: history.replays)
  }
}
