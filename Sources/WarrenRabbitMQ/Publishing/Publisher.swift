internal import AMQP
internal import Foundation
internal import Logging
internal import NIOCore
internal import Warren

/// Publishes what the application sends.
struct Publisher: Sendable {
  let session: Session
  let known: KnownTopology
  let copies: CopyPublisher

  /// Stores messages, in one round trip; one result for each, in the same order. What cannot be sent is refused alone.
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await publications.send(checking: check) { admitted throws(BrokerError) in await store(admitted) }
  }

  /// Asks the broker for what publishing to it would otherwise cost the channel, or the message.
  private func check(_ publication: Publication) async throws(BrokerError) {
    try publication.validate(largestBody: known.largestBody)
    switch publication.destination {
    case .exchange(let exchange, _):
      guard try await exists(exchange) else { throw BrokerError.missing(exchange) }
    case .queue(let queue):
      if let due = publication.notBefore, due > session.clock.now { try await look(for: queue) }
    }
  }

  private func store(_ publications: [Publication]) async -> [PublishResult] {
    var results = [PublishResult?](repeating: nil, count: publications.count)
    var direct: [(index: Int, message: AMQPMessage)] = []
    var delayed: [(index: Int, copy: Copy)] = []
    let now = session.clock.now
    for (index, publication) in publications.enumerated() {
      let message = publication.message
      let body = ByteBuffer(bytes: message.body)
      switch publication.destination {
      case .exchange(let exchange, let key):
        let properties = message.properties(now: nil)
        direct.append(
          (
            index,
            AMQPMessage(exchange: exchange.rawValue, routingKey: key.rawValue, properties: properties, body: body)
          ))
      case .queue(let queue):
        guard let due = publication.notBefore, due > now else {
          let properties = message.properties(now: parksWhatExpires(queue) ? now : nil)
          direct.append((index, AMQPMessage(routingKey: queue.rawValue, properties: properties, body: body)))
          continue
        }
        // A bucket takes a message for any queue, and holds it for ever when there is none: `check` has looked for the queue.
        guard known.hasSeen(queue) else {
          results[index] = .unroutable
          continue
        }
        let destination = Destination(queue: queue.rawValue, notBefore: due)
        delayed.append((index, Copy(properties: message.properties(now: nil), body: body, to: destination)))
      }
    }
    if !direct.isEmpty {
      let answers = await session.publish(
        direct.map(\.message), on: session.applicationChannel, timeout: session.configuration.publishDeadline,
        haveEvents: true)
      for ((index, message), answer) in zip(direct, answers) {
        results[index] = await result(answer, message)
      }
    }
    if !delayed.isEmpty {
      for ((index, _), answer) in zip(delayed, await copies.publishPatiently(delayed.map(\.copy), now: now)) {
        results[index] = result(answer)
      }
    }
    return results.map {
      $0 ?? .failed(BrokerError(.unknownOutcome, "nothing is known of this message: publish it again"))
    }
  }

  /// Whether the broker may end the message's time to live: it dead-letters what expires in a queue of Warren's own. An
  /// adopted queue or those of an exchange may discard it, so there the header alone tells, and the worker parks it.
  private func parksWhatExpires(_ queue: QueueName) -> Bool {
    known.queues[queue].map { !$0.isAdopted && $0.deadLetter != nil } ?? false
  }

  private func result(
    _ answer: AMQPPublishResult, _ message: AMQPMessage
  ) async -> PublishResult {
    switch answer {
    case .confirmed: return .stored
    case .unroutable: return .unroutable
    case .nacked:
      if !message.exchange.isEmpty {
        return .failed(
          BrokerError(
            .unknownOutcome,
            "RabbitMQ refused the event: one of its queues is full or has no majority, and others may have it; publish it "
              + "again later with the same id"))
      }
      return .failed(
        BrokerError(.full, "RabbitMQ refused the message: a queue is full or has no majority; try again later"))
    case .unknown(let error), .notSent(let error):
      if let largest = error.largestBody { return .failed(tooLarge(largest, message, error)) }
      // An exchange that was deleted meanwhile closes the channel under its neighbours, too.
      let exchange = ExchangeName(message.exchange)
      if error.replyCode == 404, !message.exchange.isEmpty {
        known.forget(exchange)
        if (try? await exists(exchange)) == false { return .failed(BrokerError.missing(exchange)) }
      }
      return .failed(BrokerError(error, doing: "publishing"))
    }
  }

  /// The broker closes the channel over a body that is too large, with all that is under way on it.
  private func tooLarge(_ largest: Int, _ message: AMQPMessage, _ error: AMQPError) -> BrokerError {
    if known.note(largestBody: largest) {
      session.logger.warning(
        "RabbitMQ takes smaller bodies than Warren lets through; larger ones are refused from now on",
        metadata: ["bytes": "\(largest)", "fix": "max_message_size = \(Limits.largestBody) in rabbitmq.conf"])
    }
    return message.body.readableBytes > largest
      ? BrokerError(
        .tooLarge, "the body has \(message.body.readableBytes) bytes, and RabbitMQ takes \(largest) (max_message_size)",
        underlying: error)
      : BrokerError(
        .unknownOutcome,
        "the channel was closed over another message, which was too large: publish this one again with the same id",
        underlying: error)
  }

  private func result(_ answer: CopyResult) -> PublishResult {
    switch answer {
    case .confirmed: .stored
    case .unroutable: .unroutable
    case .refused: .failed(BrokerError(.full, "RabbitMQ refused the message: a delay bucket is full; try again later"))
    case .impossible(let error), .failed(let error): .failed(BrokerError(error, doing: "publishing with a delay"))
    }
  }

  /// Asked once for each exchange: a publish to a missing one closes the channel, with all that is under way on it.
  private func exists(_ exchange: ExchangeName) async throws(BrokerError) -> Bool {
    if known.knows(exchange) { return true }
    guard try await session.mayBeThere(exchange) else { return false }
    known.note(exchange)
    return true
  }

  /// Notes that a queue has been seen, when it is there.
  private func look(for queue: QueueName) async throws(BrokerError) {
    if !known.hasSeen(queue), try await session.mayBeThere(queue) { known.noteSeen(queue) }
  }
}
