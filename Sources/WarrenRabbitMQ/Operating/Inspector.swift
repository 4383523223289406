internal import AMQP
internal import Foundation
public import Warren

extension RabbitMQBroker: InspectableBroker {
  /// The queues of the topologies that this process applied and, when the management API answers, all others.
  ///
  /// What waits is counted by the broker itself and is exact. What other processes hold, and the rates, are known to the
  /// management API only, which is up to 5 s late. What is delayed cannot be told.
  ///
  /// - Throws: ``BrokerError/Code/unsupported`` when the API does not answer and this process has applied no topology: AMQP
  ///   alone cannot list queues.
  public func queues() async throws(BrokerError) -> [QueueStatus] {
    let session = try await session()
    let known = registry.queues
    let listed = await management.queues()
    if listed == nil, known.isEmpty { throw unlisted("queues cannot be listed") }
    let shown = Dictionary((listed ?? []).map { (QueueName($0.name), $0) }) { first, _ in first }
    let others = shown.values.filter { !SystemNames.isInternal($0.name) && !$0.isPassing }.map { QueueName($0.name) }
    var statuses: [QueueStatus] = []
    for name in Set(known.keys).union(others).sorted() {
      if let status = try await status(name, shown[name], session) { statuses.append(status) }
    }
    return statuses
  }

  /// One queue, also when the management API does not answer.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    let session = try await session()
    // The others tell whether it holds their dead letters.
    let shown = await management.queues()?.first { $0.name == name.rawValue }
    return try await status(name, shown, session)
  }

  private func status(
    _ queue: QueueName, _ shown: ManagementAPI.QueueInfo?, _ session: Session
  ) async throws(BrokerError) -> QueueStatus? {
    // What has lost its majority does not answer: its counts are those that the API remembers.
    let isHalted = shown?.isHalted ?? false
    let asked = isHalted ? nil : try await session.info(queue)
    if asked == nil, !isHalted { return nil }
    let consumers = asked?.consumerCount ?? 0
    let known = registry.queues
    let holdsDeadLetters =
      known[queue].map { own in own.deadLetter == nil || known.values.contains { $0.deadLetter?.queue == queue } }
      ?? shown?.holdsDeadLetters ?? queue.rawValue.hasSuffix(".dlq")
    let suspects = holdsDeadLetters || isHalted ? nil : try await session.info(SystemNames.suspects(of: queue))
    let isPaused = isHalted ? false : try await session.hasExchange(SystemNames.pauseMarker(of: queue))
    // When all consumers are this process's own, it knows best what they hold.
    let own = consumption.running(queue)
    let others = consumers - consumption.consumers(of: queue)
    let running = others > 0 ? max(own, shown?.unacknowledged ?? 0) : own
    return QueueStatus(
      name: queue, ready: (asked?.messageCount ?? shown?.ready ?? 0) + (suspects?.messageCount ?? 0), delayed: nil,
      running: running,
      oldest: nil, isPaused: isPaused, holdsDeadLetters: holdsDeadLetters,
      deadLetterQueue: known[queue]?.deadLetter?.queue ?? shown?.deadLetterQueues.first.map { QueueName($0) },
      consumers: consumers, totals: nil, rates: shown?.rates)
  }

  /// The processes that consume, from the management API; without it, this process alone.
  public func workers() async throws(BrokerError) -> [WorkerStatus] {
    _ = try await session()
    let ownName = configuration.connectionName ?? Self.processName
    let own = consumption.scopes
    let ownRunning = own.reduce(0) { $0 + $1.running }
    if let consumers = await management.consumers(), let connections = await management.connections(),
      let channels = await management.channels()
    {
      return connections.compactMap { connection in
        let queues = Set(consumers.filter { $0.connection == connection.name }.map(\.queueName))
          .filter { !SystemNames.isInternal($0) }
        if queues.isEmpty { return nil }
        let name = connection.givenName ?? connection.name
        let held = channels.filter { $0.connection == connection.name }.reduce(0) { $0 + $1.unacknowledged }
        return WorkerStatus(
          name: name, since: connection.since, queues: queues.map { QueueName($0) }.sorted(),
          running: name == ownName ? ownRunning : held)
      }
    }
    if own.isEmpty { return [] }
    return [WorkerStatus(name: ownName, since: started, queues: Set(own.map(\.queue)).sorted(), running: ownRunning)]
  }

  /// The error for what AMQP cannot tell and the management API does not.
  func unlisted(_ what: String) -> BrokerError {
    BrokerError(
      .unsupported,
      "\(what): AMQP cannot do that, and the management API \(management.failure). Enable the plugin rabbitmq_management, or "
        + "say where it is: amqp://…?management=http://HOST:15672")
  }
}
