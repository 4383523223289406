/// How a consumer consumes.
public struct AMQPConsumeOptions: Sendable, Hashable {
  /// The consumer's tag; by default a random one.
  public var consumerTag: String?
  /// Whether the broker forgets messages as it sends them. Then nothing is settled, and what is lost is lost.
  public var noAck: Bool
  /// Whether no other consumer may use the queue.
  public var exclusive: Bool
  /// Optional arguments, such as `x-priority`.
  public var arguments: AMQPTable

  /// Options; with no arguments deliveries are acknowledged and the queue is shared.
  public init(consumerTag: String? = nil, noAck: Bool = false, exclusive: Bool = false, arguments: AMQPTable = [:]) {
    self.consumerTag = consumerTag
    self.noAck = noAck
    self.exclusive = exclusive
    self.arguments = arguments
  }
}
