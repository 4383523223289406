internal import AMQP
internal import Warren

/// Deletes queues and bindings.
struct Remover: Sendable {
  let session: Session
  let known: KnownTopology

  /// Deletes a queue, its suspects and the marker of its pause. Returns how many messages went with it.
  ///
  /// RabbitMQ cannot delete a quorum queue on the condition that it is empty, so this looks first: what comes between the look and the
  /// deletion goes, and is counted. The relay stays, since messages for this queue may be on their way to it in the delay buckets, and
  /// without it they would hold up those of all others there.
  func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int {
    if SystemNames.isInternal(queue.rawValue) {
      throw BrokerError(
        .invalid,
        "'\(queue)' is a queue that Warren keeps for itself: delete the queue of the application, and it goes along")
    }
    guard let info = try await session.info(queue) else {
      throw BrokerError.missing(queue)
    }
    let suspects = SystemNames.suspects(of: queue)
    let suspectInfo = try await session.info(suspects)
    let waiting = info.messageCount + (suspectInfo?.messageCount ?? 0)
    try Removal.check(
      queue, consumers: info.consumerCount, messages: withMessages ? 0 : waiting, feeders: await feeders(of: queue))
    let marker = SystemNames.pauseMarker(of: queue)
    let isPaused = try await session.hasExchange(marker)
    let gone = try await session.onThrowawayChannel("deleting the queue '\(queue)'") { channel in
      var gone = try await channel.deleteQueue(queue.rawValue)
      if suspectInfo != nil { gone += try await channel.deleteQueue(suspects) }
      if isPaused { try await channel.deleteExchange(marker) }
      return gone
    }
    known.forget(queue)
    return gone
  }

  /// The queues whose dead letters go to this one, as far as can be told.
  private func feeders(of queue: QueueName) async -> [QueueName] {
    var names = Set(known.queues.values.filter { $0.deadLetter?.queue == queue }.map(\.name))
    for other in await session.management.queues() ?? [] where other.deadLetterQueues.contains(queue.rawValue) {
      if !SystemNames.isInternal(other.name) { names.insert(QueueName(other.name)) }
    }
    // What this process knows may have been deleted by another.
    var there: [QueueName] = []
    for name in names.sorted() { if (try? await session.info(name) != nil) == true { there.append(name) } }
    return there
  }

  /// Removes a binding. AMQP does not tell whether there was one; the management API does.
  func removeBinding(_ binding: Binding) async throws(BrokerError) {
    if let shown = await session.management.bindings() {
      let isThere = shown.contains {
        $0.isToQueue && $0.source == binding.exchange.rawValue && $0.destination == binding.queue.rawValue
          && $0.routingKey == binding.key.rawValue
      }
      if !isThere { throw Removal.missing(binding) }
    }
    try await session.onThrowawayChannel(
      "unbinding the queue '\(binding.queue)' from the exchange '\(binding.exchange)'"
    ) {
      try await $0.unbindQueue(
        binding.queue.rawValue, from: binding.exchange.rawValue, routingKey: binding.key.rawValue)
    }
    known.forget(binding)
  }
}
