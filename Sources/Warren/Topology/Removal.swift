/// What may not be removed, and why: the same on every engine.
package enum Removal {
  /// Refuses to delete a queue that is in use.
  ///
  /// - Parameters:
  ///   - messages: how many it holds that are not to go with it.
  ///   - feeders: the queues whose dead letters go to it.
  package static func check(
    _ queue: QueueName, consumers: Int, messages: Int, deadLetters: Int = 0, feeders: [QueueName]
  ) throws(BrokerError) {
    func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
    if consumers > 0 {
      throw BrokerError(
        .inUse,
        "the queue '\(queue)' has \(count(consumers, "consumer")), so it was not deleted: stop the workers that consume it"
      )
    }
    if let first = feeders.first {
      throw BrokerError(
        .inUse,
        "the queue '\(queue)' holds the dead letters of '\(first)'\(feeders.count > 1 ? " and of \(count(feeders.count - 1, "other"))" : ""), "
          + "so it was not deleted: delete '\(first)' first")
    }
    if messages > 0 {
      throw BrokerError(
        .inUse,
        "the queue '\(queue)' holds \(count(messages, "message")), so it was not deleted: let a worker finish them, or purge it"
      )
    }
    if deadLetters > 0 {
      throw BrokerError(
        .inUse,
        "there are \(count(deadLetters, "dead letter")) of the queue '\(queue)', which could never be replayed, so it was not deleted: "
          + "replay or delete them")
    }
  }

  /// The error for a binding that is not there.
  package static func missing(_ binding: Binding) -> BrokerError {
    BrokerError(
      .notFound,
      "there is no binding of '\(binding.queue)' to '\(binding.exchange)' by '\(binding.key)': check the names and the key"
    )
  }
}
