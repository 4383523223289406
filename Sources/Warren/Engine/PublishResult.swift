/// What became of one message of a batch.
public enum PublishResult: Sendable {
  /// Durable in every queue that it was routed to.
  case stored
  /// Kept out: the queue has, or lately had, a job with this key (``Publication/unique``).
  case repeated
  /// No queue wanted it, so it was stored nowhere.
  case unroutable
  /// Not stored, or, with ``BrokerError/Code/unknownOutcome``, perhaps stored.
  case failed(BrokerError)

  /// Whether it is ``stored``.
  public var isStored: Bool { if case .stored = self { true } else { false } }
}
