import Synchronization

/// The messages of a consumer, as they come.
///
/// The sequence goes on when the connection is lost and comes back; deliveries of the lost connection that were not yet handed
/// out are dropped, as the broker sends them again. It ends quietly when the consumer or the connection is closed here, and
/// with an ``AMQPError`` when the broker cancels the consumer, closes its channel, or the connection ends for good.
///
/// A loop can be left at any time, by `break`, an error, a time limit or because its task is cancelled: what was not handed out
/// stays, and the next loop goes on with it. One task at a time waits for a delivery; a second one gets the error
/// `invalidArgument`.
public struct AMQPDeliveries: AsyncSequence, Sendable {
  /// What the sequence hands out.
  public typealias Element = AMQPDelivery

  let consumer: ConsumerCore
  let channel: AMQPChannel

  /// The consumer's tag.
  public var consumerTag: String { consumer.tag }

  /// Ends the consumer: asks the broker to stop, then gives back what was delivered and not yet handed out. The sequence ends
  /// after that. Deliveries that were handed out can be settled as before.
  public func cancel() async {
    await channel.connection.leave(consumer, .cancel, channel.core)
  }

  /// Asks the broker to stop, as ``cancel()`` does, but gives nothing back: what the broker had sent until it agreed is still
  /// handed out, and then the sequence ends. For those who must not return a message with a nack, which counts as a failed
  /// delivery before RabbitMQ 4.3.
  public func stop() async {
    await channel.connection.leave(consumer, .stop, channel.core)
  }

  /// Begins to hand out, where the iterator before stopped.
  public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer, core: channel.core) }

  /// Hands out the messages one by one. It keeps none: they wait in the sequence.
  public struct Iterator: AsyncIteratorProtocol {
    let consumer: ConsumerCore
    let core: ChannelCore

    /// The next delivery, or `nil` at the end and when the task is cancelled.
    public mutating func next() async throws -> AMQPDelivery? {
      try await next(isolation: nil)
    }

    /// The next delivery, or `nil` at the end and when the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(AMQPError) -> AMQPDelivery? {
      while !Task.isCancelled {
        switch consumer.machine.withLock({ $0.next() }) {
        case .element(let delivery, let endsHold):
          if endsHold { core.mailbox.post { $0.consumersThatTook.append(consumer) } }
          return delivery
        case .end(let result):
          try result.get()
          return nil
        case .nothing(let id): try await wait(id)
        }
      }
      return nil
    }

    /// All that is there, in order and at least one; `nil` at the end and when the task is cancelled. For those who hand them
    /// on, and for handlers of batches.
    public mutating func nextBatch(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(AMQPError) -> [AMQPDelivery]? {
      while !Task.isCancelled {
        switch consumer.machine.withLock({ $0.nextBatch() }) {
        case .elements(let deliveries, let endsHold):
          if endsHold { core.mailbox.post { $0.consumersThatTook.append(consumer) } }
          return deliveries
        case .end(let result):
          try result.get()
          return nil
        case .nothing(let id): try await wait(id)
        }
      }
      return nil
    }

    /// Waits until there is something to hand out, or the task is cancelled.
    private func wait(_ id: UInt64, isolation actor: isolated (any Actor)? = #isolation) async throws(AMQPError) {
      // Nothing more may gather, and the broker should not run dry.
      core.settleAtOnce()
      let consumer = consumer
      let isBusy = await withTaskCancellationHandler {
        var isBusy = false
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
          switch consumer.machine.withLock({ $0.wait(id, continuation) }) {
          case .suspended:
            // Cancelled before there was anything to take back.
            if Task.isCancelled { consumer.machine.withLock { $0.stopWaiting(id) }?.resume() }
          case .goOn: continuation.resume()
          case .busy:
            isBusy = true
            continuation.resume()
          }
        }
        return isBusy
      } onCancel: {
        consumer.machine.withLock { $0.stopWaiting(id) }?.resume()
      }
      if isBusy { throw Self.busy }
    }

    private static let busy = AMQPError(
      .invalidArgument,
      "Another task waits for the next delivery of this sequence. Let one task iterate, or consume once more for the other."
    )
  }
}
