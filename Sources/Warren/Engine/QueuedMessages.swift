public import Foundation

/// An engine that can show the single messages of its queues without taking them: those with
/// ``BrokerCapabilities/showsWaitingMessages``.
public protocol MessageListingBroker: Broker {
  /// The selected messages: first those that run, then those that are ready, in the order in which they will be handed out, then
  /// those that are delayed, by their times.
  ///
  /// - Throws: ``BrokerError/Code/notFound`` when there is no such queue.
  func messages(_ selection: QueuedMessageSelection) async throws(BrokerError) -> QueuedMessagePage
}

/// A message in a queue.
public struct QueuedMessage: Sendable, Equatable {
  /// What it is doing there.
  public enum State: String, Sendable, Codable, CaseIterable {
    /// A worker holds it.
    case running
    /// It waits for a worker.
    case ready
    /// It waits for its time: a delay, or the next attempt.
    case delayed
  }
  /// The message.
  public var message: Message
  /// The queue.
  public var queue: QueueName
  /// What it is doing there.
  public var state: State
  /// When a worker received it; only of one that runs.
  public var since: Date?
  /// The worker that holds it; only of one that runs.
  public var worker: String?
  /// When its time comes; only of one that is delayed.
  public var due: Date?
  /// The exchange that brought it; `nil` when it was put there directly.
  public var exchange: ExchangeName?
  /// The routing key that it was published with.
  public var routingKey: RoutingKey
  /// What it has been through.
  public var history: History

  /// A message in a queue; engines make them.
  public init(
    message: Message, queue: QueueName, state: State, since: Date? = nil, worker: String? = nil, due: Date? = nil,
    exchange: ExchangeName? = nil, routingKey: RoutingKey, history: History = History()
  ) {
    self.message = message
    self.queue = queue
    self.state = state
    self.since = since
    self.worker = worker
    self.due = due
    self.exchange = exchange
    self.routingKey = routingKey
    self.history = history
  }
}

/// Which messages of queues. Every condition that is given must hold.
public struct QueuedMessageSelection: Sendable, Hashable {
  /// Only those of this queue.
  public var queue: QueueName?
  /// Only the message with this id. Ids are not indexed: the engine may have to look at all messages.
  public var id: MessageID?
  /// Only those that are doing this.
  public var state: QueuedMessage.State?
  /// Only those that this finds.
  public var filter: MessageFilter
  /// At most so many, and never more than 10,000.
  public var limit: Int
  /// Whether the bodies are read, too.
  public var includesBodies: Bool

  /// At how many messages one look with a filter looks.
  public static let mostLooked = 100_000

  /// A selection.
  public init(
    queue: QueueName? = nil, id: MessageID? = nil, state: QueuedMessage.State? = nil,
    filter: MessageFilter = MessageFilter(), limit: Int = 100, includesBodies: Bool = false
  ) {
    self.queue = queue
    self.id = id
    self.state = state
    self.filter = filter
    self.limit = limit
    self.includesBodies = includesBodies
  }
}

/// Some messages of queues.
public struct QueuedMessagePage: Sendable, Equatable {
  /// The messages.
  public var messages: [QueuedMessage]
  /// Whether there are more than the selection's limit.
  public var hasMore: Bool
  /// At how many messages was looked, when that was all that is looked at and there are others; `nil` when all were seen.
  public var looked: Int?
  /// A page.
  public init(messages: [QueuedMessage], hasMore: Bool, looked: Int? = nil) {
    self.messages = messages
    self.hasMore = hasMore
    self.looked = looked
  }
}
