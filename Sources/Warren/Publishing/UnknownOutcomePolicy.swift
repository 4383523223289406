/// What an ``EventBus`` does when it cannot know whether a message was stored, because the connection or the broker was
/// lost before the answer came.
///
/// Published again, with the same id, the message is stored for certain, and perhaps twice: a worker that keeps an inbox
/// runs its effect once all the same.
public struct UnknownOutcomePolicy: Sendable, Hashable {
  /// For how long the bus publishes such a message again, from its first answer on; zero: not at all.
  public var deadline: Duration

  /// The bus publishes the message again by itself, after growing pauses, until it knows or until this time is over. Then
  /// the error is ``BrokerError/Code/unknownOutcome`` and has the id.
  public static func `repeat`(within deadline: Duration) -> UnknownOutcomePolicy {
    UnknownOutcomePolicy(deadline: deadline)
  }

  /// The error is thrown, or put into the receipt, at once: ``BrokerError/Code/unknownOutcome``, with the id.
  public static let fail = UnknownOutcomePolicy(deadline: .zero)

  /// Repeats for 30 seconds.
  public static let standard = UnknownOutcomePolicy.repeat(within: .seconds(30))

  /// How long the bus waits before it publishes again for this time, counted from 0.
  static func pause(before number: Int) -> Duration { .milliseconds(min(2_000, 100 << min(number, 5))) }
}
