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
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    let broker = try operable
    return try await audited("queue.purge", queue: queue, done: { ($0, nil) }) { () throws(BrokerError) in
      try await broker.purge(queue)
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
