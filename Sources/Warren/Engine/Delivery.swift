public import Foundation

/// One handing-out of a message to a worker. It ends in one ``Settlement``.
public struct Delivery: Sendable {
  /// What an engine needs to know a delivery again; the meaning of the numbers is its own.
  public struct Token: Sendable, Hashable {
    /// The consumer, connection or worker that received the delivery.
    public var scope: Int64
    /// The delivery's number in it.
    public var number: Int64
    /// Tells a stale owner from the present one.
    public var fence: Int64
    /// A token.
    public init(scope: Int64, number: Int64, fence: Int64) {
      self.scope = scope
      self.number = number
      self.fence = fence
    }
  }
  /// The message. Incoming middleware may change it for those after it.
  public var message: Message
  /// The queue that it came from.
  public let queue: QueueName
  /// The exchange that brought it there; `nil` when it was put there directly.
  public let exchange: ExchangeName?
  /// The routing key that it was published with.
  public let routingKey: RoutingKey
  /// What it has been through.
  public let history: History
  /// Until when it was delayed when it was published; `nil` where it was not.
  public let due: Date?
  /// Whether it is kept apart because workers died while they held it: such a delivery is handled alone.
  public let isSuspect: Bool
  /// What the engine knows it by.
  public let token: Token

  /// A delivery; engines make them.
  public init(
    message: Message, queue: QueueName, exchange: ExchangeName?, routingKey: RoutingKey, history: History,
    due: Date? = nil, isSuspect: Bool, token: Token
  ) {
    self.message = message
    self.queue = queue
    self.exchange = exchange
    self.routingKey = routingKey
    self.history = history
    self.due = due
    self.isSuspect = isSuspect
    self.token = token
  }
}
