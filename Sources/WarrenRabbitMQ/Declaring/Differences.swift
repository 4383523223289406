internal import AMQP
internal import Warren

// How a topology stands to what the broker has.
extension TopologyApplier {
  /// What of this topology is missing or differs. Changes nothing: a declaration of what exists only compares. Whether a
  /// binding is there, AMQP cannot tell, so without the management API bindings are not compared.
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    var found: [TopologyDifference] = []
    for exchange in topology.exchanges {
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
    for queue in topology.queues {
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

  private func missingBindings(of topology: Topology) async -> [TopologyDifference] {
    guard !topology.bindings.isEmpty, let shown = await session.management.bindings() else { return [] }
    let there = Set(
      shown.filter(\.isToQueue).map {
        Binding(QueueName($0.destination), to: ExchangeName($0.source), key: RoutingKey($0.routingKey))
      })
    return topology.bindings.filter { !there.contains($0) }.map { binding in
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

  /// What is declared in the virtual host, but for what Warren keeps for itself, what every broker has, and what goes with
  /// a connection. A queue that Warren would not declare just so is adopted in it.
  func topology() async throws(BrokerError) -> Topology {
    guard let queues = await session.management.queues(), let exchanges = await session.management.exchanges(),
      let bindings = await session.management.bindings()
    else { throw session.unlisted("what is declared cannot be told") }
    var kinds: [ExchangeName: Exchange.Kind] = [:]
    for exchange in exchanges where !exchange.isBuiltIn && !exchange.isPassing {
      if SystemNames.isInternal(exchange.name) { continue }
      kinds[ExchangeName(exchange.name)] = Exchange.Kind(rawValue: exchange.type)
    }
    let shown = queues.filter { !$0.isPassing && $0.isDurable && !SystemNames.isInternal($0.name) }
    let names = Set(shown.map(\.name))
    return Topology(
      asDeclared: kinds.map { Exchange($0.key, $0.value) }.sorted { $0.name < $1.name },
      shown.map { Queue($0, kinds: kinds) }.sorted { $0.name < $1.name },
      bindings.filter { $0.isToQueue && names.contains($0.destination) && kinds[ExchangeName($0.source)] != nil }
        .map { Binding(QueueName($0.destination), to: ExchangeName($0.source), key: RoutingKey($0.routingKey)) }
        .sorted { ($0.exchange, $0.key, $0.queue) < ($1.exchange, $1.key, $1.queue) })
  }
}

extension Queue {
  /// A queue as the management API shows it: Warren's own if it would be declared with these arguments, else adopted.
  fileprivate init(_ shown: ManagementAPI.QueueInfo, kinds: [ExchangeName: Exchange.Kind]) {
    let name = QueueName(shown.name)
    self = .deadLetters(name)
    if let target = shown.deadLetterQueues.first.map({ QueueName($0) }) {
      if let exchange = shown.deadLetterExchange.map({ ExchangeName($0) }), let kind = kinds[exchange] {
        let key = shown.setting("dead-letter-routing-key") ?? target.rawValue
        deadLetter = .exchange(exchange, kind: kind, key: RoutingKey(key), queue: target)
      } else {
        deadLetter = .queue(target)
      }
    }
    timeToLive = shown.arguments?["x-message-ttl"]?.text.flatMap { Int64($0) }.map { .milliseconds($0) }
    let declared = (shown.arguments ?? [:]).compactMapValues(\.text)
    let own = (try? Arguments.of(self))?.map { ($0.key, $0.value.text) } ?? []
    isAdopted = Dictionary(own) { first, _ in first } != declared
  }
}
