/// What became of one message that an ``EventBus`` published.
public struct Receipt: Sendable {
  /// The id that the message has from now on, in logs and in every queue.
  public let id: MessageID
  /// What became of it.
  public let result: PublishResult

  /// A receipt.
  public init(id: MessageID, result: PublishResult) {
    self.id = id
    self.result = result
  }

  /// Whether it is durable in every queue that it was routed to.
  public var isStored: Bool { result.isStored }

  /// The receipt itself, or what it failed with.
  func orThrow() throws(BrokerError) -> Receipt {
    if let error = result.error { throw error }
    return self
  }
}
