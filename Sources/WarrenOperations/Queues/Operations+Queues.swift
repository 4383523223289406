public import Warren

extension Operations {
  /// All queues, by name.
  public func queues() async throws(BrokerError) -> [QueueStatus] {
    try await inspectable.queues().sorted { $0.name < $1.name }
  }

  /// One queue.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none of this name.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus {
    guard let status = try await inspectable.queue(name) else {
      throw BrokerError.missing(name)
    }
    return status
  }

  /// Hands out nothing more from a queue until ``resume(_:)``.
  public func pause(_ queue: QueueName) async throws(BrokerError) {
    let broker = try operable
    try await audited("queue.pause", queue: queue) { () throws(BrokerError) in try await broker.pause(queue) }
  }

  /// Undoes ``pause(_:)``.
  public func resume(_ queue: QueueName) async throws(BrokerError) {
    let broker = try operable
    try await audited("queue.resume", queue: queue) { () throws(BrokerError) in try await broker.resume(queue) }
  }

  /// Deletes what waits in a queue, for good. Returns how many went.
  ///
  /// Where a store keeps the keys of unique jobs, those of the queue are free after it, also of jobs that the engine could not reach: such
  /// a one is handled when it comes out, unless another with its key was enqueued meanwhile.
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    let broker = try operable
    return try await audited("queue.purge", queue: queue, done: { ($0, nil) }) { () throws(BrokerError) in
      guard let operatedKeys else { return try await broker.purge(queue) }
      // A store that cannot be read is no reason to have deleted something.
      let keys = try await operatedKeys.keys(of: queue)
      var count = 0
      if try await self.queue(queue).holdsDeadLetters {
        count = try await deleteDeadLetters(DeadLetterSelection(queue: queue, limit: .max))
      }
      let now = clock.now
      count += try await broker.purge(queue)
      try await operatedKeys.free(keys, of: queue, until: now)
      return count
    }
  }

  /// Asks the worker that handles a message to end its handler. Returns how many handlers were asked.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when no worker handles it now.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    let broker = try operable
    let count = try await audited("message.cancel", queue: queue, message: id, done: { ($0, nil) }) {
      () throws(BrokerError) in try await broker.cancel(id, in: queue)
    }
    if count == 0 {
      throw BrokerError(.notFound, "no worker handles the message '\(id)' of '\(queue)' now: it waits, or it is over")
    }
    return count
  }

  /// Deletes a message that waits or is delayed, for good. Returns how many of this id there were.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when none waits in the queue, ``Warren/BrokerError/Code/unsupported`` on an engine
  ///   that cannot reach a single message.
  public func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    let broker = try operable
    return try await changeWaiting(id, in: queue, "message.delete") { () throws(BrokerError) in
      try await broker.removeWaiting(id, from: queue)
    }
  }

  /// Has a delayed message handed out now. Returns and throws as ``removeWaiting(_:from:)`` does.
  public func runNow(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    let broker = try operable
    let now = clock.now
    return try await changeWaiting(id, in: queue, "message.run") { () throws(BrokerError) in
      try await broker.reschedule(id, in: queue, to: now)
    }
  }

  private func changeWaiting(
    _ id: MessageID, in queue: QueueName, _ action: String, _ body: () async throws(BrokerError) -> Int
  ) async throws(BrokerError) -> Int {
    let count = try await audited(action, queue: queue, message: id, done: { ($0, nil) }, body)
    if count == 0 {
      throw BrokerError(
        .notFound, "no message '\(id)' waits in '\(queue)' now: a worker has it, it is a dead letter, or it is over")
    }
    return count
  }

  /// The workers that are connected, by name; those that consume nothing are left out.
  ///
  /// - Throws: ``Warren/BrokerError/Code/unsupported`` when the engine cannot tell now which there are.
  public func workers() async throws(BrokerError) -> [WorkerStatus] {
    try await inspectable.workers().filter { !$0.queues.isEmpty || $0.running > 0 }
      .map { worker in
        var worker = worker
        worker.queues.sort()
        return worker
      }
      .sorted { $0.name < $1.name }
  }
}
