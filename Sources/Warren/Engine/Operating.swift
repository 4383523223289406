/// An engine whose queues can be stopped and emptied by an operator.
public protocol OperableBroker: Broker {
  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``. What is out is settled as usual.
  func pause(_ queue: QueueName) async throws(BrokerError)
  /// Undoes ``pause(_:)``.
  func resume(_ queue: QueueName) async throws(BrokerError)
  /// Deletes what waits in this queue, the delayed messages too where the engine can reach them (on RabbitMQ it cannot);
  /// what a worker holds stays. Returns how many went.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int
  /// Asks the worker that handles this message to end its handler: the task is cancelled. What a handler that heeds it leaves
  /// becomes a dead letter (``DeadLetterReason/Kind/cancelled``); one that finishes all the same is believed.
  ///
  /// - Returns: how many handlers were asked; 0 when no worker handles the message now.
  /// - Throws: ``BrokerError/Code/unsupported`` on an engine that cannot.
  func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int
}

extension OperableBroker {
  /// Not on this engine.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    throw BrokerError(
      .unsupported, "this engine cannot ask a worker to end a handler: give the handler a timeout, or stop the worker")
  }
}
