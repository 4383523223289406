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

  /// What is declared and no topology can say, in words: it was looked at, and is left alone.
  public private(set) var others: [String] = []

  /// A topology. Dead-letter exchanges, queues and bindings need not be listed: they are added.
  public init(
    exchanges: [Exchange] = [], queues: [Queue] = [], bindings: [Binding] = []
  ) throws(BrokerError) {
    var builder = TopologyBuilder()
    for exchange in exchanges { try builder.add(exchange) }
    for queue in queues { try builder.add(queue) }
    for binding in bindings { try builder.add(binding) }
    self.init(asDeclared: builder.exchanges, builder.queues, builder.bindings)
  }

  /// For engines: what is declared, as it is. It need not be what ``init(exchanges:queues:bindings:)`` makes of it.
  public init(asDeclared exchanges: [Exchange], _ queues: [Queue], _ bindings: [Binding], others: [String] = []) {
    self.exchanges = exchanges
    self.queues = queues
    self.bindings = bindings
    self.others = others
  }

  /// Both together. What stands in both must be the same in both.
  public func merging(_ other: Topology) throws(BrokerError) -> Topology {
    var builder = TopologyBuilder(self)
    for exchange in other.exchanges { try builder.add(exchange) }
    for queue in other.queues { try builder.add(queue) }
    for binding in other.bindings { try builder.add(binding) }
    return Topology(asDeclared: builder.exchanges, builder.queues, builder.bindings, others: others + other.others)
  }
}
