/// The messages of a consumer, as they come.
///
/// The sequence goes on when the connection is lost and comes back; deliveries of the lost connection that were not yet handed
/// out are dropped, as the broker sends them again. It ends quietly when the consumer or the connection is closed here, and
/// with an ``AMQPError`` when the broker cancels the consumer, closes its channel, or the connection ends for good.
public struct AMQPDeliveries: AsyncSequence, Sendable {
  /// What the sequence hands out.
  public typealias Element = AMQPDelivery

  let consumer: ConsumerCore
  let channel: AMQPChannel

  /// The consumer's tag.
  public var consumerTag: String { consumer.request.consumerTag }

  /// Ends the consumer: asks the broker to stop, then gives back what was delivered and not yet handed out. The sequence ends
  /// after that. Deliveries that are already in hands can be settled as before.
  public func cancel() async {
    await channel.cancelConsumer(consumer)
  }

  /// Begins to hand out. One task at a time may do that.
  public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer, channel: channel) }

  /// Hands out the messages one by one; they arrive in batches.
  public struct Iterator: AsyncIteratorProtocol {
    let consumer: ConsumerCore
    let channel: AMQPChannel
    /// What was taken, last first, so that a delivery's memory goes when it is handed out.
    private var taken: [AMQPDelivery] = []

    init(consumer: ConsumerCore, channel: AMQPChannel) {
      self.consumer = consumer
      self.channel = channel
    }

    /// The next delivery, or `nil` at the end.
    public mutating func next() async throws -> AMQPDelivery? {
      try await next(isolation: nil)
    }

    /// The next delivery, or `nil` at the end.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(AMQPError) -> AMQPDelivery? {
      while true {
        while let delivery = taken.popLast() {
          if consumer.isCancelled { consumer.giveBack(delivery) } else if isCurrent(delivery) { return delivery }
        }
        switch consumer.buffer.take() {
        case .batch(let batch):
          taken = batch.reversed()
          channel.taken(from: consumer)
        case .end(.success): return nil
        case .end(.failure(let error)): throw error
        case .nothing:
          if Task.isCancelled { return nil }
          channel.hurrySettlements()
          await consumer.buffer.wait()
        }
      }
    }

    /// All that is there, in order and at least one; `nil` at the end. For those who hand them on, and for handlers of
    /// batches.
    public mutating func nextBatch(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(AMQPError) -> [AMQPDelivery]? {
      guard let first = try await next(isolation: actor) else { return nil }
      var batch = [first]
      while let delivery = taken.popLast() {
        if consumer.isCancelled { consumer.giveBack(delivery) } else if isCurrent(delivery) { batch.append(delivery) }
      }
      return batch
    }

    private func isCurrent(_ delivery: AMQPDelivery) -> Bool {
      consumer.request.noAck || delivery.generation == channel.core.generation
    }
  }
}
