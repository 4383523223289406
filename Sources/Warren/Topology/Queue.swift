/// Where messages wait for a worker, and where those go that give up.
///
/// A literal is a queue with that name and a dead-letter queue called `NAME.dlq` beside it.
public struct Queue: Sendable, Hashable, ExpressibleByStringLiteral {
  /// What it is called.
  public var name: QueueName
  /// Where messages go that give up. `nil` for a queue that itself holds dead letters: what gives up there stays there.
  public var deadLetter: DeadLetterTarget?
  /// How long a message may wait in this queue before it is parked as expired; `nil`: for ever.
  public var timeToLive: Duration?
  /// Whether it belongs to another system: then it must be there already and is never declared, only checked.
  public var isAdopted: Bool

  /// A queue. Without `deadLetter`, what gives up goes to the queue `NAME.dlq`.
  public init(
    _ name: QueueName, deadLetter: DeadLetterTarget? = nil, timeToLive: Duration? = nil, isAdopted: Bool = false
  ) {
    self.name = name
    self.deadLetter = deadLetter ?? .queue(QueueName("\(name).dlq"))
    self.timeToLive = timeToLive
    self.isAdopted = isAdopted
  }
  /// A queue with that name and the dead-letter queue `NAME.dlq`.
  public init(stringLiteral value: String) { self.init(QueueName(value)) }

  /// A queue that holds dead letters, and so has no dead-letter queue of its own.
  public static func deadLetters(_ name: QueueName) -> Queue {
    var queue = Queue(name)
    queue.deadLetter = nil
    return queue
  }
  /// The same queue, which belongs to another system and is only checked.
  public func adopted() -> Queue {
    var queue = self
    queue.isAdopted = true
    return queue
  }
}

/// Where a queue's dead letters go: to a queue, directly or through an exchange.
public struct DeadLetterTarget: Sendable, Hashable {
  /// The exchange that they are published to; `nil`: straight into ``queue``.
  public var exchange: Exchange?
  /// The routing key that they are published with.
  public var key: RoutingKey
  /// The queue that receives them.
  public var queue: QueueName

  /// Straight into a queue.
  public static func queue(_ name: QueueName) -> DeadLetterTarget {
    DeadLetterTarget(exchange: nil, key: RoutingKey(name.rawValue), queue: name)
  }
  /// Through an exchange, to the queue that is bound there by `key`; without `queue` it is called as the key is.
  public static func exchange(
    _ name: ExchangeName, kind: Exchange.Kind = .direct, key: RoutingKey, queue: QueueName? = nil
  ) -> DeadLetterTarget {
    DeadLetterTarget(exchange: Exchange(name, kind), key: key, queue: queue ?? QueueName(key.rawValue))
  }
}
