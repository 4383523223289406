/// What became of one message of a batch. More may come: a `switch` over it needs a `default`.
public struct PublishResult: Sendable, CustomStringConvertible {
  /// The results that this version knows. Inside of Warren each is handled where the compiler asks for it.
  package enum Kind: Sendable, Equatable {
    case stored
    case repeated
    case unroutable
    case failed
  }
  /// Which of them.
  package let kind: Kind
  /// What went wrong, of a message that ``failed(_:)``: it is not stored, or, with ``BrokerError/Code/unknownOutcome``, perhaps
  /// stored.
  public let error: BrokerError?

  /// Durable in every queue that it was routed to.
  public static let stored = PublishResult(kind: .stored, error: nil)
  /// Kept out: the queue has, or lately had, a job with this key (``Publication/unique``).
  public static let repeated = PublishResult(kind: .repeated, error: nil)
  /// No queue wanted it, so it was stored nowhere.
  public static let unroutable = PublishResult(kind: .unroutable, error: nil)
  /// Not stored, or, with ``BrokerError/Code/unknownOutcome``, perhaps stored.
  public static func failed(_ error: BrokerError) -> PublishResult { PublishResult(kind: .failed, error: error) }

  /// Whether it is ``stored``.
  public var isStored: Bool { kind == .stored }

  /// As it is written: `stored`, or `failed(full: no room is left)`.
  public var description: String { error.map { "failed(\($0.code): \($0))" } ?? "\(kind)" }
}

extension PublishResult: Equatable {
  /// Two failures are equal when they say the same about the same messages, whatever error is beneath.
  public static func == (a: PublishResult, b: PublishResult) -> Bool {
    a.kind == b.kind && a.error?.code == b.error?.code && a.error?.message == b.error?.message
      && a.error?.messageIDs == b.error?.messageIDs
  }
}
