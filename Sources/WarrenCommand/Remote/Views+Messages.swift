internal import Foundation
internal import Warren
internal import WarrenOperations

/// What a dashboard shows of messages, as messages: what is hidden there stays hidden.
extension DeadLetter {
  init(_ view: DeadLetterView) {
    self.init(
      message: Message(
        id: view.id, name: view.name, body: view.body?.shown ?? Data(), headers: view.headers,
        contentType: view.contentType, contentEncoding: view.body?.packing == nil ? view.contentEncoding : nil,
        timestamp: view.published, correlationID: view.correlationID, causationID: view.causationID,
        source: view.source, priority: view.priority, expiresAt: view.expiresAt),
      queue: view.queue, origin: view.origin, exchange: view.exchange, routingKey: view.routingKey,
      reason: DeadLetterReason(view.reason, view.detail), time: view.time,
      history: History(
        attempts: view.attempts, interruptions: view.interruptions, failures: view.failures, replays: view.replays),
      address: view.address)
  }
}

extension QueuedMessage {
  init(_ view: QueuedMessageView) {
    self.init(
      message: Message(
        id: view.id, name: view.name, body: view.body?.shown ?? Data(), headers: view.headers,
        timestamp: view.published, correlationID: view.correlationID, source: view.source, priority: view.priority,
        expiresAt: view.expiresAt),
      queue: view.queue, state: view.state, since: view.since, worker: view.worker, due: view.due,
      exchange: view.exchange, routingKey: view.routingKey,
      history: History(
        attempts: view.attempts, interruptions: view.interruptions, failures: view.failures, replays: view.replays))
  }
}

extension BodyView {
  fileprivate var shown: Data {
    format == .base64 ? Data(base64Encoded: text) ?? Data(text.utf8) : Data(text.utf8)
  }
}
