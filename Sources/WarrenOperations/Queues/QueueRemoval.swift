public import Warren

/// What deleting a queue would mean.
public struct QueueRemoval: Sendable, Equatable, Codable {
  /// The queue.
  public var queue: QueueName
  /// How many consumers it has.
  public var consumers: Int
  /// How many messages it holds, as far as the engine can count them.
  public var messages: Int
  /// Whether the engine has counted the delayed messages, too.
  public var isCountComplete: Bool
  /// How many dead letters of it lie in other queues; `nil` when they cannot be counted.
  public var deadLetters: Int?
  /// The queues whose dead letters go to it.
  public var feeders: [QueueName]

  /// What deleting it would mean.
  public init(
    queue: QueueName, consumers: Int = 0, messages: Int = 0, isCountComplete: Bool = true, deadLetters: Int? = 0,
    feeders: [QueueName] = []
  ) {
    self.queue = queue
    self.consumers = consumers
    self.messages = messages
    self.isCountComplete = isCountComplete
    self.deadLetters = deadLetters
    self.feeders = feeders
  }

  /// Whether nothing would be lost with it, as far as that is known.
  public var isEmpty: Bool { messages == 0 && deadLetters == 0 }
}

extension Operations {
  /// What deleting a queue would mean. Changes nothing.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is no such queue.
  public func removal(of name: QueueName) async throws(BrokerError) -> QueueRemoval {
    let status = try await queue(name)
    var others: [QueueStatus] = []
    do { others = try await queues() } catch { if error.code != .unsupported { throw error } }
    return QueueRemoval(
      queue: name, consumers: status.consumers, messages: status.ready + (status.delayed ?? 0) + (status.running ?? 0),
      isCountComplete: status.delayed != nil,
      deadLetters: try await deadLetterCount(of: status, among: others),
      feeders: others.filter { $0.deadLetterQueue == name }.map(\.name))
  }

  private func deadLetterCount(
    of status: QueueStatus, among others: [QueueStatus]
  ) async throws(BrokerError) -> Int? {
    if status.holdsDeadLetters { return 0 }
    let holder = others.first { $0.name == status.deadLetterQueue }
    if let holder, holder.ready + (holder.running ?? 0) == 0 { return 0 }
    do { return try await survey(DeadLetterSelection(origin: status.name, limit: .max)).count } catch {
      if error.code == .unsupported { return nil }
      throw error
    }
  }

  /// Deletes a queue with its bindings.
  ///
  /// - Parameter withMessages: whether what it holds and its dead letters in other queues go with it, for good.
  /// - Returns: how many messages went, dead letters included.
  /// - Throws: ``Warren/BrokerError/Code/inUse`` when it has consumers, holds the dead letters of another queue, or holds messages
  ///   that are not to go; ``Warren/BrokerError/Code/notFound``.
  public func deleteQueue(_ name: QueueName, withMessages: Bool = false) async throws(BrokerError) -> Int {
    let broker = try removing
    let removal = try await removal(of: name)
    try removal.check(withMessages: withMessages)
    return try await audited("queue.delete", queue: name, count: removal.messages, done: { ($0, nil) }) {
      () throws(BrokerError) in
      // A store that cannot be read is no reason to have deleted something.
      let keys = try await operatedKeys?.keys(of: name) ?? []
      var gone = 0
      if withMessages, removal.deadLetters != 0 {
        gone = try await deleteDeadLetters(DeadLetterSelection(origin: name, limit: .max))
      }
      let now = clock.now
      gone += try await broker.deleteQueue(name, withMessages: withMessages)
      try await operatedKeys?.free(keys, of: name, until: now)
      return gone
    }
  }

  /// Removes a binding.
  ///
  /// - Throws: ``Warren/BrokerError/Code/notFound`` when there is none.
  public func removeBinding(_ binding: Binding) async throws(BrokerError) {
    let broker = try removing
    try await audited("binding.remove", queue: binding.queue, filter: "\(binding.exchange) \(binding.key)") {
      () throws(BrokerError) in try await broker.removeBinding(binding)
    }
  }
}

extension QueueRemoval {
  /// Refuses what must not be deleted.
  func check(withMessages: Bool) throws(BrokerError) {
    try Removal.check(
      queue, consumers: consumers, messages: withMessages ? 0 : messages,
      deadLetters: withMessages ? 0 : deadLetters ?? 0, feeders: feeders)
  }
}
