/// What a channel machine has to know of a consumer, and tell it.
protocol ChannelConsumer: AnyObject {
  var tag: String { get }
  var noAck: Bool { get }
  var prefetch: UInt16 { get }
  /// What asks the broker for deliveries.
  var request: BasicConsume { get }
  /// The call that waits for the consumer to begin.
  var start: Request? { get set }
  /// Whether its end is under way.
  var isLeaving: Bool { get }
  /// See ``ConsumerMachine``.
  func subscribe() -> Bool
  func subscribed()
  func leave(_ way: ConsumerLeave) -> ConsumerCancellation
}

/// How a consumer is ended from this side.
enum ConsumerLeave { case cancel, stop }

/// What that means for its channel.
enum ConsumerCancellation: Equatable {
  /// It has ended: the broker need not be told.
  case ended
  /// Its end is under way, or it ended before.
  case isOver
  /// basic.cancel is to be sent. `waits`: its answer is worth waiting for.
  case send(waits: Bool)
}

/// What happens to a consumer with its channel; see ``ConsumerMachine``.
enum ConsumerEvent {
  case agreed
  case lost
  case ended(Result<Void, AMQPError>, keepsBuffer: Bool)
}
