extension EventBus {
  /// Takes back a job that waits or is delayed, by its id. One that a worker has begun is handled to its end.
  ///
  /// On an engine that cannot reach a single message, such as RabbitMQ, it is noted in the bus's store, and a worker with the same store
  /// completes the job without its handler when it comes to it; until then its key, if it has one, is taken. That is remembered for
  /// 30 days: what is due later than that is handled. A job that is enqueued with the same id later is another one.
  ///
  /// - Returns: whether there was such a job; where it could only be noted, `true`.
  /// - Throws: ``BrokerError``; ``BrokerError/Code/unsupported`` where the engine cannot do it and the bus has no store.
  @discardableResult
  public func cancel<J: JobMessage>(_ id: MessageID, of type: J.Type) async throws(BrokerError) -> Bool {
    let queue = J.queue.name
    let count = try await reaching { broker throws(BrokerError) in try await broker.removeWaiting(id, from: queue) }
    if let count { return count > 0 }
    guard let store else { throw BrokerError(noStoreFor: "cancelled jobs", broker.capabilities.engine) }
    try await Cancellations(store: store).note(id, in: queue, now: composer.clock.now)
    return true
  }

  /// Gives a job that waits or is delayed another content, by its id; it stays due when it was. One that a worker has begun is not
  /// changed.
  ///
  /// - Returns: whether there was such a job.
  /// - Throws: ``BrokerError``; ``BrokerError/Code/unsupported`` on an engine that cannot reach a single message, such as RabbitMQ.
  @discardableResult
  public func update<J: JobMessage>(_ job: J, id: MessageID) async throws -> Bool {
    let content = try composer.publication(of: JobRequest(job, id: id)).message
    let count = try await reaching { broker throws(BrokerError) in
      try await broker.replaceWaiting(id, in: J.queue.name, with: content)
    }
    if let count { return count > 0 }
    throw BrokerError(
      .unsupported,
      "\(broker.capabilities.engine) cannot change a single message that waits: enqueue the job with "
        + "`unique: .key(…, onRepeat: .replace)`, and enqueue it again with the other content and the time when it is due",
      messageIDs: [id])
  }

  /// What `body` returns; `nil` where the engine cannot reach a single message that waits.
  private func reaching(
    _ body: (any OperableBroker) async throws(BrokerError) -> Int
  ) async throws(BrokerError) -> Int? {
    guard let broker = broker as? any OperableBroker else { return nil }
    do { return try await body(broker) } catch {
      if error.code == .unsupported { return nil }
      throw error
    }
  }
}
