internal import AMQP
internal import Foundation
public import Warren

extension RabbitMQBroker: InspectableBroker {
  /// The queues of the topologies that this process applied and, when the management API answers, all others.
  ///
  /// What waits is counted by the broker itself and is exact. What other processes hold is known to the management API
  /// only, which is up to 5 s late. What is delayed cannot be told.
  public func queues() async throws(BrokerError) -> [QueueStatus] {
    let session = try await session()
    let known = registry.queues
    let holders = Set(known.values.compactMap { $0.deadLetter?.queue })
    let listed = await management.queues()
    var statuses: [QueueStatus] = []
    for queue in known.values {
      let shown = listed?.first { $0.name == queue.name.rawValue }
      guard
        var status = try await status(
          queue.name, shown, holdsDeadLetters: queue.deadLetter == nil || holders.contains(queue.name), session)
      else { continue }
      status.deadLetterQueue = queue.deadLetter?.queue
      statuses.append(status)
    }
    for shown in listed ?? [] where known[QueueName(shown.name)] == nil {
      if SystemNames.isInternal(shown.name) || shown.isExclusive { continue }
      let name = QueueName(shown.name)
      guard var status = try await status(name, shown, holdsDeadLetters: shown.holdsDeadLetters, session) else {
        continue
      }
      status.deadLetterQueue = shown.deadLetterQueue.map { QueueName($0) }
      statuses.append(status)
    }
    return statuses.sorted { $0.name < $1.name }
  }

  private func status(
    _ queue: QueueName, _ shown: ManagementAPI.QueueInfo?, holdsDeadLetters: Bool, _ session: Session
  ) async throws(BrokerError) -> QueueStatus? {
    guard let info = try await session.info(queue) else { return nil }
    let suspects = holdsDeadLetters ? nil : try await session.info(SystemNames.suspects(of: queue))
    let isPaused = try await session.hasExchange(SystemNames.pauseMarker(of: queue))
    // When all consumers are this process's own, it knows best what they hold.
    let own = consumption.running(queue)
    let others = info.consumerCount - consumption.consumers(of: queue)
    let running = others > 0 ? max(own, shown?.unacknowledged ?? 0) : own
    return QueueStatus(
      name: queue, ready: info.messageCount + (suspects?.messageCount ?? 0), delayed: nil, running: running,
      oldest: nil, isPaused: isPaused, holdsDeadLetters: holdsDeadLetters, deadLetterQueue: nil,
      consumers: info.consumerCount, totals: nil)
  }

  /// The processes that consume, from the management API; without it, this process alone.
  public func workers() async throws(BrokerError) -> [WorkerStatus] {
    _ = try await session()
    let ownName = configuration.connectionName ?? Self.processName
    let own = consumption.scopes
    func running(_ name: String) -> Int { name == ownName ? own.reduce(0) { $0 + $1.running } : 0 }
    if let consumers = await management.consumers(), let connections = await management.connections() {
      return connections.compactMap { connection in
        let queues = Set(consumers.filter { $0.connection == connection.connection }.map(\.queue))
          .filter { !SystemNames.isInternal($0) }
        if queues.isEmpty { return nil }
        return WorkerStatus(
          name: connection.name, since: connection.since, queues: queues.map { QueueName($0) }.sorted(),
          running: running(connection.name))
      }
    }
    if own.isEmpty { return [] }
    return [
      WorkerStatus(name: ownName, since: started, queues: Set(own.map(\.queue)).sorted(), running: running(ownName))
    ]
  }

  /// What of this topology is missing or differs. Changes nothing: a declaration of what exists only compares. Whether a
  /// binding is there, AMQP cannot tell.
  public func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    let session = try await session()
    var found: [TopologyDifference] = []
    for exchange in topology.exchanges {
      let subject = "exchange '\(exchange.name)'"
      guard try await session.hasExchange(exchange.name.rawValue) else {
        found.append(TopologyDifference(subject, declared: "missing", wanted: exchange.kind.rawValue))
        continue
      }
      if exchange.isAdopted { continue }
      do {
        try await session.declaring("comparing the \(subject)") {
          try await $0.declareExchange(exchange.name.rawValue, type: exchange.kind.rawValue)
        }
      } catch { found.append(try Self.difference(error, subject)) }
    }
    for queue in topology.queues {
      let subject = "queue '\(queue.name)'"
      guard try await session.info(queue.name) != nil else {
        found.append(TopologyDifference(subject, declared: "missing", wanted: "a queue"))
        continue
      }
      if queue.isAdopted { continue }
      let arguments = try Arguments.of(queue)
      do {
        try await session.declaring("comparing the \(subject)") {
          _ = try await $0.declareQueue(queue.name.rawValue, arguments: arguments)
        }
      } catch { found.append(try Self.difference(error, subject)) }
    }
    return found
  }

  private static func difference(_ error: BrokerError, _ subject: String) throws(BrokerError) -> TopologyDifference {
    guard let difference = Conflict.difference(error, subject: subject) else { throw error }
    return difference
  }
}
