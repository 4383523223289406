/// Puts a topology together, with what follows from its parts. It looks up by name: a broker may have thousands of queues.
struct TopologyBuilder {
  private(set) var exchanges: [Exchange] = []
  private(set) var queues: [Queue] = []
  private(set) var bindings: [Binding] = []
  private var exchangesByName: [ExchangeName: Exchange] = [:]
  private var queuesByName: [QueueName: Queue] = [:]
  private var known: Set<Binding> = []

  init() {}

  /// Goes on from what is there.
  init(_ topology: Topology) {
    exchanges = topology.exchanges
    queues = topology.queues
    bindings = topology.bindings
    exchangesByName = Dictionary(exchanges.map { ($0.name, $0) }) { first, _ in first }
    queuesByName = Dictionary(queues.map { ($0.name, $0) }) { first, _ in first }
    known = Set(bindings)
  }

  mutating func add(_ exchange: Exchange) throws(BrokerError) {
    try exchange.name.validate(as: "name of an exchange")
    guard let known = exchangesByName[exchange.name] else {
      if case .other(let kind) = exchange.kind, !exchange.isAdopted {
        throw BrokerError(
          .invalid,
          "the exchange '\(exchange.name)' is of the kind '\(kind)', which Warren does not declare: adopt it, or take topic, fanout or "
            + "direct")
      }
      // A broker has these from the beginning, and declaring one again changes nothing.
      let standard: Set<ExchangeName> = ["amq.direct", "amq.fanout", "amq.topic"]
      if !exchange.isAdopted, !standard.contains(exchange.name) { try Self.refuseReserved(exchange.name) }
      exchangesByName[exchange.name] = exchange
      return exchanges.append(exchange)
    }
    let differences = known.differences(from: exchange)
    if !differences.isEmpty { throw BrokerError(conflict: differences) }
  }

  mutating func add(_ queue: Queue) throws(BrokerError) {
    try queue.name.validate(as: "name of a queue")
    if let known = queuesByName[queue.name] {
      let differences = known.differences(from: queue)
      if !differences.isEmpty { throw BrokerError(conflict: differences) }
      return
    }
    if queue.deadLetter == nil, queue.timeToLive != nil, !queue.isAdopted {
      throw BrokerError(
        .invalid,
        "the queue '\(queue.name)' holds dead letters and cannot have a time to live: what expires there has nowhere to go. "
          + "Leave it out, or give the queue a dead-letter queue of its own")
    }
    if !queue.isAdopted {
      try Self.refuseReserved(queue.name)
      if let time = queue.timeToLive, time <= .zero {
        throw BrokerError(
          .invalid,
          "the time to live of the queue '\(queue.name)' is \(time.words): give a time above zero, or none for ever")
      }
    }
    queues.append(queue)
    queuesByName[queue.name] = queue
    guard let target = queue.deadLetter else { return }
    try target.key.validate(as: "dead-letter key of '\(queue.name)'", emptyIsFine: true)
    if target.queue == queue.name {
      throw BrokerError(.invalid, "the queue '\(queue.name)' is its own dead-letter queue: name another")
    }
    if queuesByName[target.queue] == nil {
      var holder = Queue.deadLetters(target.queue)
      holder.isAdopted = queue.isAdopted
      try add(holder)
    }
    guard var exchange = target.exchange else { return }
    exchange.isAdopted = queue.isAdopted
    try add(exchange)
    try add(Binding(target.queue, to: exchange.name, key: target.key))
  }

  private static func refuseReserved(_ name: some Name) throws(BrokerError) {
    guard name.rawValue.hasPrefix("amq.") else { return }
    throw BrokerError(
      .invalid,
      "the name '\(name)' begins with amq., which RabbitMQ keeps for itself: take another, or adopt what is there")
  }

  mutating func add(_ binding: Binding) throws(BrokerError) {
    try binding.key.validate(as: "key of a binding", emptyIsFine: true)
    guard exchangesByName[binding.exchange] != nil else {
      throw BrokerError(
        .invalid, "a binding names the exchange '\(binding.exchange)', which the topology does not have")
    }
    guard queuesByName[binding.queue] != nil else {
      throw BrokerError(.invalid, "a binding names the queue '\(binding.queue)', which the topology does not have")
    }
    if known.insert(binding).inserted { bindings.append(binding) }
  }
}
