internal import AMQP
internal import Warren

// What the broker has, as a topology.
extension TopologyApplier {
  /// What is declared in the virtual host, but for what Warren keeps for itself and what every broker has. What Warren would not
  /// declare just so is adopted in it, and what a topology cannot say stands among its `others`.
  func topology() async throws(BrokerError) -> Topology {
    guard let queues = await session.management.queues(), let exchanges = await session.management.exchanges(),
      let bindings = await session.management.bindings()
    else { throw session.unlisted("what is declared cannot be told") }
    return Self.topology(queues, exchanges, bindings)
  }

  static func topology(
    _ queues: [ManagementAPI.QueueInfo], _ exchanges: [ManagementAPI.ExchangeInfo],
    _ bindings: [ManagementAPI.BindingInfo]
  ) -> Topology {
    var others: [String] = []
    var named: [ExchangeName: Exchange] = [:]
    for info in exchanges where !info.isBuiltIn && !SystemNames.isInternal(info.name) {
      guard !info.isPassing, let kind = Exchange.Kind(rawValue: info.type) else {
        others.append("the exchange '\(info.name)' (\(info.type)), which is internal or goes with its last binding")
        continue
      }
      named[ExchangeName(info.name)] = Exchange(
        ExchangeName(info.name), kind, isAdopted: !info.isDeclared(as: kind))
    }
    let own = queues.filter { !SystemNames.isInternal($0.name) }
    for queue in own where queue.isPassing || !queue.isDurable {
      others.append("the queue '\(queue.name)', which goes with a connection, its last consumer or the broker")
    }
    let shown = own.filter { !$0.isPassing && $0.isDurable }
    let names = Set(shown.map(\.name))
    var told: [Binding] = []
    for binding in bindings where !binding.source.isEmpty && !SystemNames.isInternal(binding.source) {
      let exchange = ExchangeName(binding.source)
      if binding.isToQueue, names.contains(binding.destination), named[exchange] != nil, !binding.hasArguments {
        told.append(Binding(QueueName(binding.destination), to: exchange, key: RoutingKey(binding.routingKey)))
      } else if !SystemNames.isInternal(binding.destination) {
        let target = binding.isToQueue ? "queue" : "exchange"
        let how = binding.hasArguments ? "by arguments" : "by '\(binding.routingKey)'"
        others.append(
          "the binding of the \(target) '\(binding.destination)' to the exchange '\(binding.source)' \(how)")
      }
    }
    let bound = Set(told)
    let all = shown.map { queue in
      let (made, notes) = Queue.shown(queue, names, named, bound)
      others += notes
      return made
    }
    return Topology(
      asDeclared: named.values.sorted { $0.name < $1.name }, all.sorted { $0.name < $1.name },
      told.sorted { ($0.exchange, $0.key, $0.queue) < ($1.exchange, $1.key, $1.queue) }, others: others.sorted())
  }
}

extension Queue {
  /// A queue as the management API shows it: Warren's own if it would be declared with these arguments, else adopted; and what of it
  /// a topology cannot say.
  fileprivate static func shown(
    _ shown: ManagementAPI.QueueInfo, _ names: Set<String>, _ exchanges: [ExchangeName: Exchange], _ bound: Set<Binding>
  ) -> (Queue, notes: [String]) {
    var queue = Queue.deadLetters(QueueName(shown.name))
    var note: String?
    if let name = shown.deadLetterExchange {
      let targets = shown.deadLetterQueues.filter { names.contains($0) && $0 != shown.name }.map { QueueName($0) }
      let key = shown.setting("dead-letter-routing-key").map { RoutingKey($0) }
      queue.deadLetter = targets.first.map { .queue($0) }
      if let exchange = exchanges[ExchangeName(name)], let key,
        let target = targets.first(where: { bound.contains(Binding($0, to: exchange.name, key: key)) })
      {
        queue.deadLetter = .exchange(exchange.name, kind: exchange.kind, key: key, queue: target)
      }
      if !name.isEmpty, queue.deadLetter?.exchange == nil {
        note =
          "the dead letters of '\(shown.name)' go to the exchange '\(name)'\(key.map { " by '\($0)'" } ?? " by their own keys")"
      } else if shown.deadLetterQueues.contains(shown.name) {
        note = "the dead letters of '\(shown.name)' come back to it"
      }
    }
    queue.timeToLive = shown.arguments?["x-message-ttl"]?.text.flatMap { Int64($0) }.map { .milliseconds($0) }
    queue.isAdopted = (try? Arguments.of(queue)).map { !shown.isDeclared(with: $0) } ?? true
    return (queue, [note, shown.leftAlone(isAdopted: queue.isAdopted)].compactMap { $0 })
  }
}

extension ManagementAPI.QueueInfo {
  /// Whether Warren would declare it just so.
  func isDeclared(with wanted: AMQPTable) -> Bool {
    if !isDurable || isPassing { return false }
    let own = Dictionary(wanted.map { ($0.key, $0.value.text) }) { first, _ in first }
    let arguments = arguments ?? [:]
    return arguments.count == own.count && arguments.compactMapValues(\.text) == own
  }

  /// What else it is declared with, by its owner or a policy; `nil` when that is nothing.
  fileprivate func leftAlone(isAdopted: Bool) -> String? {
    let said: Set = ["x-queue-type", "x-message-ttl", "x-dead-letter-exchange", "x-dead-letter-routing-key"]
    var parts: [String] = []
    if isAdopted {
      if kind != "quorum", kind != "classic" { parts.append(kind) }
      parts += (arguments ?? [:]).filter { !said.contains($0.key) }.sorted { $0.key < $1.key }.map {
        "\($0.key) \($0.value.text ?? "…")"
      }
    }
    parts += policies.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.text ?? "…") by a policy" }
    return parts.isEmpty ? nil : "the queue '\(name)' is as its owner has it: \(parts.joined(separator: ", "))"
  }

  /// Whether this connection may ask about it: an exclusive queue answers its own only.
  var mayBeAsked: Bool { !isExclusive }
}

extension ManagementAPI.ExchangeInfo {
  /// Whether Warren would declare it just so.
  func isDeclared(as kind: Exchange.Kind) -> Bool {
    if case .other = kind { return false }
    return type == kind.rawValue && isDurable && !isPassing && !hasArguments
  }
}
