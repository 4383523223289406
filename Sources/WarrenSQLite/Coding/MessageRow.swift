internal import Foundation
internal import Warren

/// What keeps repeats of a job out, as the table `message` has it.
struct UniqueKey {
  /// The queue that the key belongs to.
  var queue: Int64
  var key: String
  /// For how many milliseconds after the job was completed.
  var window: Int64

  init(_ unique: Uniqueness, in queue: Int64) {
    self.queue = queue
    key = unique.key
    window = unique.window.milliseconds
  }

  /// Reads a row whose columns are those of ``Statements/readMessage``.
  init?(_ row: Prepared) {
    guard let key = row.optionalText(13) else { return nil }
    queue = row.int(16)
    self.key = key
    window = row.int(17)
  }
}

/// A message as the table `message` has it, and back.
extension Message {
  /// Binds everything that is the message's own, from the third column of ``Statements/insertMessage`` on.
  func bind(to statement: Prepared, exchange: Int64?, key: RoutingKey, parkAt: Int64?, unique: UniqueKey?) {
    statement.bind(3, id?.rawValue)
    statement.bind(4, name?.rawValue)
    statement.bind(5, exchange)
    statement.bind(6, key.rawValue == name?.rawValue ? nil : key.rawValue)
    statement.bind(7, contentType == "application/json" ? nil : contentType ?? "")
    statement.bind(8, contentEncoding)
    statement.bind(9, correlationID)
    statement.bind(10, causationID)
    statement.bind(11, source)
    statement.bind(12, Int64(priority.rawValue))
    statement.bind(13, timestamp?.milliseconds)
    statement.bind(14, expiresAt?.milliseconds)
    statement.bind(15, parkAt)
    statement.bind(16, unique?.key)
    statement.bind(17, headers.isEmpty ? nil : HeaderText.write(headers))
    statement.bind(18, body)
    statement.bind(19, unique?.queue)
    statement.bind(20, unique?.window)
  }

  /// Reads a row whose columns are those of ``Statements/readMessage``, from `column` on.
  init(_ row: Prepared, from column: Int32 = 0) {
    let contentType = row.optionalText(column + 4) ?? "application/json"
    self.init(
      id: row.optionalText(column).map { MessageID($0) },
      name: row.optionalText(column + 1).map { MessageName($0) },
      body: row.data(column + 15),
      headers: row.optionalText(column + 14).map(HeaderText.read) ?? [:],
      contentType: contentType.isEmpty ? nil : contentType,
      contentEncoding: row.optionalText(column + 5),
      timestamp: row.optionalInt(column + 10).map { Date(milliseconds: $0) },
      correlationID: row.optionalText(column + 6),
      causationID: row.optionalText(column + 7),
      source: row.optionalText(column + 8),
      priority: Priority(rawValue: UInt8(truncatingIfNeeded: row.int(column + 9))) ?? .normal,
      expiresAt: row.optionalInt(column + 11).map { Date(milliseconds: $0) })
  }

  /// The place among the waiting messages of a queue: the lower, the sooner.
  var rank: Int64 { 9 - Int64(priority.rawValue) }
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
    self = history
  }
}
