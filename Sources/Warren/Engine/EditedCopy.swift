package import Foundation

extension Message {
  /// The header that names the dead letter in whose place an edited copy is.
  package static let editedFromHeader = "warren-edited-from"

  /// This message, edited, as an engine publishes it in place of a dead letter: see ``DeadLetterBroker/replace(_:in:with:)``.
  ///
  /// - Parameter id: by what the dead letter was named.
  package func replacing(_ id: MessageID, now: Date) throws(BrokerError) -> Message {
    guard let own = self.id, own != id else {
      throw BrokerError(.invalid, "an edited copy is a new message: give it an id of its own")
    }
    var copy = self
    // An address says nothing later on, so the caller that has one sets the header.
    if !id.rawValue.hasPrefix("@") || copy.headers[Self.editedFromHeader] == nil {
      copy.headers[Self.editedFromHeader] = id.rawValue
    }
    if let expiry = copy.expiresAt, expiry <= now { copy.expiresAt = nil }
    return copy
  }
}

extension BrokerError {
  /// The error for a dead letter that stays, since the queue that gave up on it takes no edited copy.
  package init(noOriginOf id: MessageID) {
    self.init(
      .unroutable,
      "the queue that gave up on '\(id)' is gone, full or unknown, so the dead letter stays: declare the queue again, make room "
        + "in it, or publish the message anew")
  }
}
