// What is not there is told in the same words by every engine.
extension BrokerError {
  /// For engines: there is no such queue.
  package static func missing(_ queue: QueueName) -> BrokerError {
    BrokerError(.notFound, "there is no queue '\(queue)': apply a topology that has it, or check the name")
  }

  /// For engines: there is no such exchange.
  package static func missing(_ exchange: ExchangeName) -> BrokerError {
    BrokerError(.notFound, "there is no exchange '\(exchange)': apply a topology that has it, or check the name")
  }
}
