/// An engine whose queues can be stopped and emptied by an operator.
public protocol OperableBroker: Broker {
  /// Hands out nothing more from this queue, in any process, until ``resume(_:)``. What is out is settled as usual.
  func pause(_ queue: QueueName) async throws(BrokerError)
  /// Undoes ``pause(_:)``.
  func resume(_ queue: QueueName) async throws(BrokerError)
  /// Deletes what waits in this queue, the delayed messages too where the engine can reach them (on RabbitMQ it cannot);
  /// what a worker holds stays. Returns how many went.
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int
}
