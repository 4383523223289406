public import Warren

extension Operations {
  /// Whether deleted dead letters can be put back; otherwise deleting is final.
  public var restoresDeadLetters: Bool { broker is any RestoringBroker }

  /// For how long, and how many.
  public var restoring: (lifetime: Duration, limit: Int)? {
    (broker as? any RestoringBroker).map { ($0.deletedLifetime, $0.deletedLimit) }
  }

  /// The dead letters that can be put back, those deleted last first.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when deleting is final.
  public func deletedDeadLetters(limit: Int = 100) async throws(BrokerError) -> [DeletedDeadLetter] {
    try await restoringBroker.deletedDeadLetters(limit: limit)
  }

  /// Puts deleted dead letters back to where they lay.
  ///
  /// - Returns: the addresses of those that are back. What was deleted too long ago, whose queue is gone or has the same unique job
  ///   again is not among them.
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when none could be put back; ``Warren/BrokerError/Code/unsupported`` when
  ///   deleting is final.
  public func restoreDeadLetters(_ ids: [MessageID]) async throws(BrokerError) -> [MessageID] {
    let broker = try restoringBroker
    return try await audited(
      "dead.restore", message: ids.count == 1 ? ids[0] : nil, count: ids.count, done: { ($0.count, nil) }
    ) { () throws(BrokerError) in
      let restored = try await broker.restoreDeadLetters(ids)
      if !restored.isEmpty { return restored }
      throw BrokerError(
        .notFound,
        "none of them can be put back: they were not deleted, or too long ago, or their queue is gone or has the same unique job"
      )
    }
  }

  private var restoringBroker: any RestoringBroker {
    get throws(BrokerError) {
      if let able = broker as? any RestoringBroker { return able }
      throw BrokerError(
        .unsupported, "the engine \(broker.capabilities.engine) does not keep what is deleted: it is gone for good")
    }
  }
}
