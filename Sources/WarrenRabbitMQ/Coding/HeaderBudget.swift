internal import AMQP
internal import NIOCore
internal import Warren

/// Keeps what is recorded in headers so small that the copy which carries it fits a frame, and still fits when the broker has
/// added to it. What the publisher set is never cut; of the record the oldest failures go first, then texts.
enum HeaderBudget {
  /// The history and reason to write beside these properties; `nil` when not even the counters fit.
  static func fit(
    _ history: History, detail: String = "", into properties: AMQPProperties,
    limit: Int = Limits.largestPropertiesOfCopies
  ) -> (history: History, detail: String)? {
    // Names, counters, origin, exchange and routing key, each at its longest.
    var left = limit - properties.byteCount - 2048
    if left < 0 { return nil }
    let detail = detail.cut(toBytes: min(left / 2, 4096))
    left -= detail.utf8.count
    var history = history
    var failures: [Failure] = []
    for failure in history.failures.suffix(History.failuresKept).reversed() {
      var failure = failure
      failure.error = failure.error.cut(toBytes: 480)
      failure.worker = failure.worker.cut(toBytes: 255)
      failure.message = failure.message.cut(toBytes: 4096)
      if failure.recordSize > left { failure.message = failure.message.cut(toBytes: 200) }
      let size = failure.recordSize
      if size > left { break }
      left -= size
      failures.insert(failure, at: 0)
    }
    history.failures = failures
    return (history, detail)
  }
}

extension Failure {
  /// At most so many bytes in a header: a byte of text may become six in JSON.
  fileprivate var recordSize: Int { 6 * (error.utf8.count + message.utf8.count + worker.utf8.count) + 100 }
}

extension String {
  /// The beginning, at most so many bytes of UTF-8, at the border of a scalar: a character may be of any size.
  func cut(toBytes limit: Int) -> String {
    if utf8.count <= limit { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: max(0, limit - 3))
    while end > utf8.startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return limit < 3 ? "" : String(unicodeScalars[..<end]) + "…"
  }
}

extension AMQPProperties {
  /// How many bytes they take in a header frame, at most.
  var byteCount: Int {
    let texts = [contentType, contentEncoding, correlationID, replyTo, expiration, messageID, type, userID, appID]
    return 32 + texts.reduce(0) { $0 + ($1.map { $0.utf8.count + 1 } ?? 0) } + (headers?.byteCount ?? 0)
  }
}

extension AMQPTable {
  /// How many bytes it takes on the wire, at most.
  var byteCount: Int { reduce(4) { $0 + 1 + $1.key.utf8.count + $1.value.byteCount } }
}

extension AMQPValue {
  fileprivate var byteCount: Int {
    switch self {
    case .string(let text): 5 + text.utf8.count
    case .longBytes(let bytes), .bytes(let bytes): 5 + bytes.readableBytes
    case .array(let values): 5 + values.reduce(0) { $0 + $1.byteCount }
    case .table(let table): 1 + table.byteCount
    default: 9
    }
  }
}
