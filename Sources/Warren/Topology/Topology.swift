/// A queue's wish to receive what an exchange gets under a key or pattern.
public struct Binding: Sendable, Hashable {
  /// The exchange that messages come from.
  public var exchange: ExchangeName
  /// The routing key that they are published with; in a topic exchange a pattern.
  public var key: RoutingKey
  /// The queue that they go to.
  public var queue: QueueName

  /// A binding. A fanout exchange ignores the key.
  public init(_ queue: QueueName, to exchange: ExchangeName, key: RoutingKey = "#") {
    self.exchange = exchange
    self.key = key
    self.queue = queue
  }
}

/// The exchanges, queues and bindings that a system needs, as a value.
///
/// `api` and `worker` of a system both apply the whole of it before they serve, so that nothing is published before its
/// queues exist. Applying is idempotent; what is there and differs is an error that shows the difference.
public struct Topology: Sendable, Equatable {
  /// The exchanges, in order of declaration.
  public private(set) var exchanges: [Exchange] = []
  /// The queues, in order of declaration; a dead-letter queue follows the first queue that names it.
  public private(set) var queues: [Queue] = []
  /// The bindings.
  public private(set) var bindings: [Binding] = []

  /// A topology. Dead-letter exchanges, queues and bindings need not be listed: they are added.
  public init(
    exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []
  ) throws(BrokerError) {
    for exchange in exchanges { try add(exchange) }
    for queue in queues { try add(queue) }
    for binding in bindings { try add(binding) }
  }

  /// For engines: what is declared, as it is. It need not be what ``init(exchanges:queues:bindings:)`` makes of it.
  public init(asDeclared exchanges: [Exchange], _ queues: [Queue], _ bindings: [Binding]) {
    self.exchanges = exchanges
    self.queues = queues
    self.bindings = bindings
  }

  /// Both together. What stands in both must be the same in both.
  public func merging(_ other: Topology) throws(BrokerError) -> Topology {
    var merged = self
    for exchange in other.exchanges { try merged.add(exchange) }
    for queue in other.queues { try merged.add(queue) }
    for binding in other.bindings { try merged.add(binding) }
    return merged
  }

  private mutating func add(_ exchange: Exchange) throws(BrokerError) {
    try exchange.name.validate(as: "name of an exchange")
    guard let known = exchanges.first(where: { $0.name == exchange.name }) else { return exchanges.append(exchange) }
    let differences = known.differences(from: exchange)
    if !differences.isEmpty { throw BrokerError(conflict: differences) }
  }

  private mutating func add(_ queue: Queue) throws(BrokerError) {
    try queue.name.validate(as: "name of a queue")
    if let known = queues.first(where: { $0.name == queue.name }) {
      let differences = known.differences(from: queue)
      if !differences.isEmpty { throw BrokerError(conflict: differences) }
      return
    }
    if queue.deadLetter == nil, queue.timeToLive != nil {
      throw BrokerError(
        .invalid,
        "the queue '\(queue.name)' holds dead letters and cannot have a time to live: what expires there has nowhere to go. "
          + "Leave it out, or give the queue a dead-letter queue of its own")
    }
    queues.append(queue)
    guard let target = queue.deadLetter else { return }
    try target.key.validate(as: "dead-letter key of '\(queue.name)'", emptyIsFine: true)
    if target.queue == queue.name {
      throw BrokerError(.invalid, "the queue '\(queue.name)' is its own dead-letter queue: name another")
    }
    if !queues.contains(where: { $0.name == target.queue }) {
      var holder = Queue.deadLetters(target.queue)
      holder.isAdopted = queue.isAdopted
      try add(holder)
    }
    guard var exchange = target.exchange else { return }
    exchange.isAdopted = queue.isAdopted
    try add(exchange)
    try add(Binding(target.queue, to: exchange.name, key: target.key))
  }

  private mutating func add(_ binding: Binding) throws(BrokerError) {
    try binding.key.validate(as: "key of a binding", emptyIsFine: true)
    guard exchanges.contains(where: { $0.name == binding.exchange }) else {
      throw BrokerError(
        .invalid, "a binding names the exchange '\(binding.exchange)', which the topology does not have")
    }
    guard queues.contains(where: { $0.name == binding.queue }) else {
      throw BrokerError(.invalid, "a binding names the queue '\(binding.queue)', which the topology does not have")
    }
    if !bindings.contains(binding) { bindings.append(binding) }
  }
}
