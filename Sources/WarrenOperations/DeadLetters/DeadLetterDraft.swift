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

  /// The copy: a message of its own with an id of its own, in the chain of the original.
  public func message(id: MessageID = .unique(), now: Date) throws(BrokerError) -> Message {
    var copy = original.message
    if copy.contentEncoding == nil, copy.contentType?.hasPrefix("application/json") == true {
      do {
        _ = try JSONText(parsing: String(decoding: body, as: UTF8.self))
      } catch {
        throw BrokerError(.invalid, "the body is not JSON, though its content type says so: \(error)")
      }
    }
    copy.id = id
    copy.timestamp = now
    copy.correlationID = copy.correlationID ?? original.message.id?.rawValue
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
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none, ``Warren/BrokerError/Code/invalid`` when several
  ///   queues gave up on this message and `queue` does not say which one is meant.
  public func draft(_ id: MessageID, in queue: QueueName? = nil) async throws(BrokerError) -> DeadLetterDraft {
    let letters = try await originals(id, in: queue)
    guard let letter = letters.first, letters.count == 1 else {
      let places = letters.map(\.queue.rawValue).joined(separator: ", ")
      throw BrokerError(.invalid, "'\(id)' is a dead letter in several queues (\(places)): say which queue is meant")
    }
    return DeadLetterDraft(letter)
  }

  /// Publishes the changed copy to the queue that gave up on the original, and removes that, in one step.
  ///
  /// - Returns: the id of the copy.
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when it was replayed or deleted meanwhile.
  public func publish(_ draft: DeadLetterDraft) async throws(BrokerError) -> MessageID {
    guard let id = draft.original.message.id else {
      throw BrokerError(.invalid, "a message without an id cannot be edited: replay or delete it")
    }
    let copy = try draft.message(now: clock.now)
    try await deadLetterBroker.replace(id, in: draft.original.queue, with: copy)
    return copy.id ?? id
  }
}
