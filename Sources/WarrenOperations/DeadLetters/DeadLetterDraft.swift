public import Foundation
public import Warren

/// A dead letter's headers and body while a person changes them. Nothing is masked in them: a secret that is hidden could
/// not be kept.
public struct DeadLetterDraft: Sendable, Equatable {
  /// The dead letter as it is stored.
  public let original: DeadLetter
  /// The headers of the copy, without Warren's own.
  public var headers: Message.Headers
  /// The body of the copy.
  public var body: Data

  /// A draft of a copy.
  public init(_ original: DeadLetter) {
    self.original = original
    headers = original.message.headers.filter { !$0.key.hasPrefix("warren-") }
    body = original.message.body
  }

  /// Whether anything differs from the original.
  public var isChanged: Bool {
    body != original.message.body || headers != DeadLetterDraft(original).headers
  }

  /// The body as text, unpacked if it is gzip; `nil` when it is packed in another way or is not text.
  public var text: String? {
    var shown = original.message
    shown.body = body
    return shown.text
  }

  /// Makes this text the body, in the charset of the original.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` when that charset cannot say it.
  public mutating func setText(_ text: String) throws(BrokerError) {
    guard let bytes = original.message.body(for: text) else {
      throw BrokerError(
        .invalid,
        "the message is text in \(original.message.charset ?? "another charset"), which cannot say all of this: leave out what it "
          + "lacks, or publish the message anew in UTF-8")
    }
    body = bytes
  }

  /// The copy: a message of its own with an id of its own. What was not edited is as it was, the correlation id and the time of
  /// publishing too.
  public func message(id: MessageID = .unique(), now: Date) throws(BrokerError) -> Message {
    var copy = original.message
    // A body that was not changed is as good as it was.
    if body != original.message.body, copy.contentType?.hasPrefix("application/json") == true, let text {
      do {
        _ = try JSONText(parsing: text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text)
      } catch {
        throw BrokerError(.invalid, "the body is not JSON, though its content type says so: \(error)")
      }
    }
    copy.headers = headers
    try copy.refuseReservedHeaders()
    copy.id = id
    // Otherwise the copy would be parked as expired at once.
    if let expiry = copy.expiresAt, expiry <= now { copy.expiresAt = nil }
    copy.headers = original.message.headers.filter { $0.key.hasPrefix("warren-") }.merging(headers) { $1 }
    copy.body = body
    return copy
  }
}

extension Operations {
  /// A draft of one dead letter.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none, ``Warren/BrokerError/Code/ambiguous`` when several
  ///   queues gave up on this message and `queue` does not say which one is meant, ``Warren/BrokerError/Code/invalid`` when one
  ///   queue gave up on several with this id.
  public func draft(_ id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> DeadLetterDraft {
    let letters = try await originals(id, in: queue)
    guard let letter = letters.first, letters.count == 1 else {
      let queues = letters.map(\.queue.rawValue)
      if Set(queues).count == letters.count {
        throw BrokerError(
          .ambiguous,
          "'\(id)' is a dead letter in several queues (\(queues.joined(separator: ", "))): say which queue is meant")
      }
      let addresses = letters.compactMap(\.address?.rawValue).joined(separator: ", ")
      throw BrokerError(
        .invalid, "'\(id)' is the id of \(letters.count) dead letters: say which by its address, \(addresses)")
    }
    return DeadLetterDraft(letter)
  }

  /// Publishes the changed copy to the queue that gave up on the original, and removes that, in one step.
  ///
  /// - Returns: the id of the copy.
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when it was replayed or deleted meanwhile.
  public func publish(_ draft: DeadLetterDraft) async throws(BrokerError) -> MessageID {
    let original = draft.original
    guard let id = original.address ?? original.message.id else {
      throw BrokerError(.invalid, "this broker cannot tell a message without an id from others: replay or delete it")
    }
    var copy = try draft.message(now: clock.now)
    copy.headers["warren-edited-from"] = (original.message.id ?? id).rawValue
    let (edited, broker) = (copy, try deadLetterBroker)
    try await audited(
      "dead.edit", queue: original.queue, message: id, count: 1, done: { (1, "the copy is \(edited.id ?? id)") }
    ) { () throws(BrokerError) in try await broker.replace(id, in: original.queue, with: edited) }
    return copy.id ?? id
  }
}
