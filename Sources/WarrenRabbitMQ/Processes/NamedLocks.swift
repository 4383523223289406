internal import AMQP
internal import Warren

/// Locks by name that the processes of a broker share: an exclusive queue for each name, which RabbitMQ deletes when the
/// connection of its holder ends, however it ends.
///
/// The holder consumes from that queue, so it learns that it has lost the lock. The others learn that the lock is free by a
/// message to the queue, which comes back when there is none: a declaration that is refused is an error in the broker's log.
struct NamedLocks: Sendable {
  let session: Session
  /// What tasks of this process hold or try to get. To the broker they are one owner.
  private let taken = Watched<Set<LockName>>([])

  init(session: Session) { self.session = session }

  /// Runs `body` while the lock is held: see ``Warren/LockingBroker/withLock(_:wait:_:)``.
  func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let end = wait.map { ContinuousClock.now.advanced(by: $0) }
    guard await takeInProcess(name, until: end) else { throw BrokerError(heldElsewhere: name) }
    defer { taken.withValue { _ = $0.remove(name) } }
    let queue = SystemNames.lock(name)
    while true {
      try Task.checkCancellation()
      if let result = try await hold(queue, name, body) { return try result.get() }
      guard await waitUntilFree(queue, until: end) else {
        try Task.checkCancellation()
        throw BrokerError(heldElsewhere: name)
      }
    }
  }

  // MARK: In this process

  /// `false` when the time is over before.
  private func takeInProcess(_ name: LockName, until end: ContinuousClock.Instant?) async -> Bool {
    while !Task.isCancelled {
      if taken.withValue({ $0.insert(name).inserted }) { return true }
      if let end, ContinuousClock.now >= end { return false }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await taken.wait { !$0.contains(name) } }
        if let end { group.addTask { try? await Task.sleep(until: end, clock: .continuous) } }
        await group.next()
        group.cancelAll()
      }
    }
    return false
  }

  // MARK: At the broker

  /// What `body` returned or threw while the lock was held; `nil` when another process holds it.
  private func hold<Value: Sendable>(
    _ queue: String, _ name: LockName, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Result<Value, any Error>? {
    try await asBrokerError("taking the lock '\(name)'") {
      try await session.consuming.withChannel(AMQPChannelOptions(reopens: false)) { channel in
        do {
          // What asks whether the lock is free does not stay in it.
          try await channel.declareQueue(
            queue, durable: false, exclusive: true, autoDelete: false, arguments: ["x-message-ttl": .int64(0)])
        } catch let error as AMQPError where error.isHeldByOther { return nil }
        let result = await run(body, until: try await channel.consume(queue, options: .init(noAck: true)), name)
        await uncancelled { _ = try? await channel.deleteQueue(queue) }
        return result
      }
    }
  }

  /// Runs `body` until it ends, and cancels it when the queue of the lock is lost.
  private func run<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value, until deliveries: AMQPDeliveries, _ name: LockName
  ) async -> Result<Value, any Error> {
    await withTaskGroup(of: Result<Value, any Error>?.self) { group in
      group.addTask { do { return .success(try await body()) } catch { return .failure(error) } }
      group.addTask {
        do { for try await _ in deliveries {} } catch {}
        return nil
      }
      defer { group.cancelAll() }
      if let result = await group.next() ?? nil { return result }
      // A caller that was cancelled loses nothing: what `body` makes of it counts.
      let isLost = !Task.isCancelled
      group.cancelAll()
      let result = await group.next() ?? nil
      return !isLost ? result ?? .failure(CancellationError()) : .failure(Self.lost(name))
    }
  }

  private static func lost(_ name: LockName) -> BrokerError {
    BrokerError(
      .unavailable,
      "the lock '\(name)' was lost with the connection to RabbitMQ, and another process may hold it: take it again")
  }

  /// `false` when the time is over before, or the task is cancelled.
  private func waitUntilFree(_ queue: String, until end: ContinuousClock.Instant?) async -> Bool {
    // Nothing tells when another process gives a lock up, so it is looked at again, ever more slowly.
    var pause = Duration.milliseconds(10)
    while !Task.isCancelled {
      if let end, ContinuousClock.now >= end { return false }
      let next = ContinuousClock.now + pause
      try? await Task.sleep(until: end.map { min($0, next) } ?? next, clock: .continuous)
      pause = min(pause * 2, .milliseconds(500))
      let question = AMQPMessage(routingKey: queue, body: "")
      if case .unroutable = await session.copyChannel.publish([question], timeout: .seconds(5))[0] { return true }
    }
    return false
  }
}

extension AMQPError {
  /// Whether a queue belongs to another connection, or did to one whose node is away.
  fileprivate var isHeldByOther: Bool { replyCode == 405 || replyCode == 404 }
}
