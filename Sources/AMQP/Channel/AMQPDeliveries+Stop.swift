extension AMQPDeliveries {
  /// Asks the broker to stop, as ``cancel()`` does, but gives nothing back: what the broker had sent until it agreed is still
  /// handed out, and then the sequence ends. For those who must not return a message with a nack, which counts as a failed
  /// delivery before RabbitMQ 4.3.
  public func stop() async {
    await channel.connection.stop(consumer, channel.core)
  }
}
