internal import Warren

/// The headers in which Warren carries what AMQP has no property for.
enum HeaderNames {
  static let publishedAt = "warren-published-at"
  static let expiresAt = "warren-expires-at"
  static let cause = "warren-causation-id"
  static let attempts = "warren-attempts"
  static let interruptions = "warren-interruptions"
  static let replays = "warren-replays"
  static let failures = "warren-failures"
  static let exchange = "warren-exchange"
  static let routingKey = "warren-routing-key"
  /// When a message that goes through several delay buckets is due.
  static let due = "warren-due"
  static let origin = "warren-origin"
  static let reason = "warren-reason"
  static let detail = "warren-reason-detail"
  static let parkedAt = "warren-parked-at"
  static let editedFrom = Message.editedFromHeader
  /// What the runtime writes and reads, and so is shown as a header of the message.
  private static let shown = [editedFrom, "warren-unique"]

  /// Whether a header is the broker's or ours: not shown, not taken from a publisher, and not copied. `x-death` sent back
  /// makes a broker below 4.0 drop the message as a cycle, a sent-back `x-delivery-count` is believed from 4.0 on, and
  /// `CC` delivers at every hop again.
  static func isReserved(_ name: String) -> Bool {
    if name.hasPrefix("warren-") { return !shown.contains(name) }
    guard name.hasPrefix("x-") || name == "CC" || name == "BCC" else { return false }
    return name == "CC" || name == "BCC" || name == "x-death" || name.hasPrefix("x-first-death-")
      || name.hasPrefix("x-last-death-") || name == "x-delivery-count" || name == "x-acquired-count"
      // The AMQP client's own notes.
      || name == "x-republished" || name == "x-publish-sequence"
  }
}
