/// How a channel behaves.
public struct AMQPChannelOptions: Sendable, Hashable {
  /// The most publishes without a confirm. More wait for their turn.
  public var maxOutstanding: Int
  /// The most bytes without a confirm. One message may exceed it when nothing else is out.
  public var maxOutstandingBytes: Int
  /// How long a publish may take until its confirm, waiting for its turn and for a lost connection included.
  public var publishTimeout: Duration
  /// Whether publishes that were on the wire when the connection was lost are sent again, if they have a message id. They
  /// then carry the header `x-republished`, as they may be stored twice. Otherwise they fail with `unknownOutcome`.
  public var resendsUnknown: Bool
  /// Whether the channel opens again after the broker closed it for an error. What was under way fails in any case.
  public var reopens: Bool

  /// Options; the windows are 1,000 messages and 16 MiB, the time limit 30 s.
  public init(
    maxOutstanding: Int = 1000, maxOutstandingBytes: Int = 16 << 20, publishTimeout: Duration = .seconds(30),
    resendsUnknown: Bool = false, reopens: Bool = true
  ) {
    self.maxOutstanding = max(1, maxOutstanding)
    self.maxOutstandingBytes = max(1, maxOutstandingBytes)
    self.publishTimeout = publishTimeout
    self.resendsUnknown = resendsUnknown
    self.reopens = reopens
  }
}
