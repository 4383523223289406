internal import AMQP
internal import Warren

// How a topology stands to what the broker has.
extension TopologyApplier {
  /// What of this topology is missing or differs. Changes nothing: a declaration of what exists only compares. Whether a
  /// binding is there, AMQP cannot tell, so without the management API bindings are not compared.
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    var found: [TopologyDifference] = []
    let there = try await declared(topology)
    for exchange in topology.exchanges where !there.exchanges.contains(exchange) {
      let subject = "exchange '\(exchange.name)'"
      guard try await session.mayBeThere(exchange.name) else {
        found.append(
          exchange.isAdopted ? .missingAdopted(subject) : .missing(subject, wanted: exchange.kind.rawValue))
        continue
      }
      if exchange.isAdopted { continue }
      do {
        try await session.onThrowawayChannel("comparing the \(subject)") {
          try await $0.declareExchange(exchange.name.rawValue, type: exchange.kind.rawValue)
        }
      } catch {
        // What this user may not declare is not compared.
        if error.isAboutRights { continue }
        found.append(
          try Self.difference(
            error, subject,
            fix:
              "ask for what is there; or delete it (`rabbitmqadmin delete exchange name='\(exchange.name)'`), which "
              + "takes its bindings along, and apply the topology again"))
      }
    }
    for queue in topology.queues where !there.queues.contains(queue.name) {
      let subject = "queue '\(queue.name)'"
      guard try await session.mayBeThere(queue.name) else {
        found.append(queue.isAdopted ? .missingAdopted(subject) : .missing(subject))
        continue
      }
      if queue.isAdopted { continue }
      let arguments = try Arguments.of(queue)
      do {
        try await session.onThrowawayChannel("comparing the \(subject)") {
          _ = try await $0.declareQueue(queue.name.rawValue, arguments: arguments)
        }
      } catch {
        // What this user may not declare is not compared.
        if error.isAboutRights { continue }
        found.append(
          try Self.difference(
            error, subject,
            fix: "ask for what is there, or adopt it; or, once it is empty, delete it (`rabbitmqctl delete_queue "
              + "'\(queue.name)'`) and apply the topology again"))
      }
    }
    return found + (await missingBindings(of: topology))
  }

  /// What is declared just so, as the management API lists it, and the broker still has: a question for each of some thousand queues
  /// takes seconds. Of all others the broker itself tells how they differ.
  private func declared(
    _ topology: Topology
  ) async throws(BrokerError) -> (exchanges: Set<Exchange>, queues: Set<QueueName>) {
    guard let queues = await session.management.queues(), let exchanges = await session.management.exchanges() else {
      return ([], [])
    }
    let shown = Dictionary(queues.map { ($0.name, $0) }) { first, _ in first }
    var alike: [String] = []
    for queue in topology.queues {
      guard let info = shown[queue.name.rawValue], !info.isHalted else { continue }
      if queue.isAdopted ? info.mayBeAsked : info.isDeclared(with: try Arguments.of(queue)) { alike.append(info.name) }
    }
    let there: [String]
    do { there = try await Array(session.infos(of: alike).keys) } catch {
      // One that this user may not look at stops the question about all.
      if error.isAboutRights { return ([], []) }
      throw error
    }
    let kinds = Dictionary(exchanges.map { ($0.name, $0) }) { first, _ in first }
    let fitting = topology.exchanges.filter { exchange in
      guard let info = kinds[exchange.name.rawValue] else { return false }
      return exchange.isAdopted || info.isDeclared(as: exchange.kind)
    }
    return (Set(fitting), Set(there.map { QueueName($0) }))
  }

  private func missingBindings(of topology: Topology) async -> [TopologyDifference] {
    guard !topology.bindings.isEmpty, let shown = await session.management.bindings() else { return [] }
    let there = Set(
      shown.filter(\.isToQueue).map {
        Binding(QueueName($0.destination), to: ExchangeName($0.source), key: RoutingKey($0.routingKey))
      })
    let missing = topology.bindings.filter { !there.contains($0) }
    return missing.map { binding in
      let subject = "binding of '\(binding.queue)' to '\(binding.exchange)' by '\(binding.key)'"
      return isAdopted(binding, in: topology) ? .missingAdopted(subject) : .missing(subject)
    }
  }

  private static func difference(
    _ error: BrokerError, _ subject: String, fix: String
  ) throws(BrokerError) -> TopologyDifference {
    guard var difference = Conflict.difference(error, subject: subject) else { throw error }
    difference.fix = Fix(fix)
    return difference
  }
}
