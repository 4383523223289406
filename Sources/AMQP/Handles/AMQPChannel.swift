import NIOCore

/// A channel: the place to publish, to consume and to declare, by any number of tasks at once.
///
/// A channel outlives its connection: it opens again with it. Requests that are made meanwhile wait for that, up to the
/// configuration's `replyTimeout`. When the broker closes the channel because of an error, everything under way on it fails
/// with that error, which may be tried again unless it is about that call, and it opens again under a new generation. What
/// was not sent yet goes there.
public struct AMQPChannel: Sendable {
  let connection: AMQPConnection
  let core: ChannelCore

  /// Closes the channel. What is unsettled goes back to its queues. Returns once the broker agreed.
  public func close() async {
    await connection.close(core)
  }

  // MARK: Publishing

  /// Publishes a message and returns once the broker confirmed it.
  ///
  /// - Parameters:
  ///   - message: The message.
  ///   - timeout: How long that may take; by default the channel's `publishTimeout`.
  /// - throws: ``AMQPError``: `unroutable`, `nacked`, `unknownOutcome`, `publishTimeout`, `messageTooLarge`, `invalidArgument`,
  ///   `channelClosedByServer`, `cancelled` or what ended the channel. Only `unknownOutcome` and `cancelled` leave open whether
  ///   the broker has the message.
  public func publish(_ message: AMQPMessage, timeout: Duration? = nil) async throws(AMQPError) {
    var message = message
    connection.configuration.onPublish?(&message)
    if let error = message.refusal(maxBodySize: connection.configuration.maxOutboundBodySize) { throw error }
    let ticket = PublishTicket(message, deadline: deadline(timeout))
    guard await send(ticket) else { throw Self.cancelled }
    if let error = ticket.error { throw error }
  }

  /// Publishes messages together, with one wake-up and one write, and returns what became of each, in their order.
  ///
  /// Messages that cannot be sent do not keep the others from it. If the task is cancelled, all results are `unknown`.
  public func publish(_ messages: [AMQPMessage], timeout: Duration? = nil) async -> [AMQPPublishResult] {
    var messages = messages
    if let onPublish = connection.configuration.onPublish {
      for index in messages.indices { onPublish(&messages[index]) }
    }
    let maxBodySize = connection.configuration.maxOutboundBodySize
    var refused: [Int: AMQPError] = [:]
    for index in messages.indices {
      if let error = messages[index].refusal(maxBodySize: maxBodySize) { refused[index] = error }
    }
    guard !refused.isEmpty else { return await send(messages, timeout) }
    let good = messages.indices.filter { refused[$0] == nil }
    var rest = await send(good.map { messages[$0] }, timeout).makeIterator()
    return messages.indices.map { index in
      if let error = refused[index] { return .notSent(error) }
      return rest.next() ?? .unknown(Self.cancelled)
    }
  }

  private func send(_ messages: [AMQPMessage], _ timeout: Duration?) async -> [AMQPPublishResult] {
    guard !messages.isEmpty else { return [] }
    let ticket = PublishTicket(messages, deadline: deadline(timeout))
    return await send(ticket) ? ticket.results : Array(repeating: .unknown(Self.cancelled), count: messages.count)
  }

  private static let cancelled = AMQPError(
    .cancelled, "The task was cancelled while it waited for a confirm. The message may be stored or not.")

  private func deadline(_ timeout: Duration?) -> NIODeadline {
    .now() + TimeAmount(timeout ?? core.options.publishTimeout)
  }

  /// Returns false if the task was cancelled first.
  private func send(_ ticket: PublishTicket) async -> Bool {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { (continuation: UnsafeContinuation<Bool, Never>) in
        guard ticket.wait(continuation) else { return continuation.resume(returning: false) }
        core.mailbox.post { $0.publishes.append((core, ticket)) }
      }
    } onCancel: {
      ticket.cancel()
    }
  }

  // MARK: Consuming

  /// Starts a consumer. Deliveries wait in the sequence, at most as many as the prefetch.
  ///
  /// AMQP refuses a consumer by closing its channel. One that is refused for a while when the connection comes back, because the
  /// queue is locked or its node is down, keeps the other consumers of its channel waiting: give each a channel of its own, as
  /// ``AMQPConnection/consume(_:prefetch:options:isolation:_:)`` does.
  ///
  /// - Parameters:
  ///   - queue: The queue.
  ///   - prefetch: How many deliveries may be unsettled at a time, from 1.
  ///   - options: Acknowledgement mode, exclusiveness, arguments.
  /// - throws: ``AMQPError``: `channelClosedByServer` (404 no such queue, 403 exclusive, 406 wrong arguments) and as requests do.
  public func consume(
    _ queue: String, prefetch: UInt16 = 100, options: AMQPConsumeOptions = .init()
  ) async throws(AMQPError) -> AMQPDeliveries {
    try Limit.check(queue, "name of the queue")
    guard prefetch > 0 || options.noAck else {
      throw AMQPError(.invalidArgument, "A prefetch of 0 means without limit, which no memory has. Choose 1 to 65,535.")
    }
    // For an empty tag the broker would choose one, and what it sends for that would belong to no consumer.
    let tag = options.consumerTag.flatMap { $0.isEmpty ? nil : $0 } ?? Self.randomTag
    try Limit.check(tag, "consumer tag")
    let request = BasicConsume(
      queue: queue, consumerTag: tag, noAck: options.noAck, exclusive: options.exclusive, arguments: options.arguments)
    let consumer = ConsumerCore(request: request, prefetch: prefetch)
    try await connection.start(consumer, on: core)
    return AMQPDeliveries(consumer: consumer, channel: self)
  }

  /// Fetches one message, or `nil` if the queue is empty. For tools and tests: consuming is cheaper.
  public func get(_ queue: String, noAck: Bool = false) async throws(AMQPError) -> AMQPDelivery? {
    try Limit.check(queue, "name of the queue")
    let answer = try await connection.request(core, .basicGet(queue: queue, noAck: noAck))
    guard case .basicGetOk(let tag, let redelivered, let exchange, let key, let count) = answer.method,
      let content = answer.content
    else { return nil }
    return AMQPDelivery(
      content: content,
      info: BasicDeliver(
        consumerTag: "", deliveryTag: tag, redelivered: redelivered, exchange: exchange, routingKey: key),
      messageCount: count, core: core, generation: answer.generation)
  }

  /// Swift keeps 15 bytes in place; each delivery names its consumer.
  private static var randomTag: String { "swift-" + String(UInt64.random(in: 1 << 40..<1 << 41), radix: 32).suffix(9) }

  /// Gives back what this channel delivered and what is not settled. Returns how many deliveries those are.
  ///
  /// From RabbitMQ 4.3 on one nack for all is the way to end without a count: of many single nacks the broker passes on 33 at a
  /// time, and what waits there when the channel closes counts as failed deliveries. Before 4.0 the messages of one nack come
  /// back in any order, and so do those of more than 33 single ones that wait for each other.
  ///
  /// Ask the broker something afterwards, such as ``queueInfo(_:)``: when it answers, the nacks have arrived.
  ///
  /// - Parameters:
  ///   - together: Whether one nack is for all of them.
  ///   - limit: How many single nacks are written at most.
  @discardableResult
  public func giveBackUnsettled(together: Bool = true, atMost limit: Int = .max) -> Int {
    let count = core.ledger.withLock { $0.returnAll(together: together, atMost: limit) }
    if count > 0 { core.mailbox.post { $0.settleNow.append(core) } }
    return count
  }

  /// Acknowledges deliveries of this channel together, in as few frames as possible. Returns how many were accepted.
  @discardableResult
  public func acknowledge(_ deliveries: [AMQPDelivery]) -> Int {
    let count = core.ledger.withLock { ledger in
      deliveries.count { delivery in
        ledger.settle(delivery.deliveryTag, generation: delivery.generation, .ack, now: .now()).result == .accepted
      }
    }
    if count > 0 { core.mailbox.post { $0.settleNow.append(core) } }
    return count
  }
}
