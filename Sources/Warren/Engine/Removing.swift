/// An engine that can remove what it has declared.
public protocol RemovingBroker: Broker {
  /// Deletes a queue, with its bindings and what the engine keeps beside it.
  ///
  /// - Parameter withMessages: whether what waits in it goes with it, for good; otherwise a queue that holds any stays.
  /// - Returns: how many messages went with it.
  /// - Throws: ``BrokerError/Code/notFound``; ``BrokerError/Code/inUse`` when it has consumers, when another queue's dead letters
  ///   go there, or when it holds messages that are not to go.
  func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int

  /// Removes a binding: what its exchange gets from then on goes to the queue no more, unless by another binding.
  ///
  /// - Throws: ``BrokerError/Code/notFound`` when there is no such queue, exchange or binding, where the engine can tell.
  func removeBinding(_ binding: Binding) async throws(BrokerError)
}
