internal import AMQP
internal import Foundation
internal import Synchronization
internal import Warren

/// One look through a dead-letter queue: it takes everything that lies there, and what it does not settle goes back to its
/// place, in order.
struct Sweep: Sendable {
  let channel: AMQPChannel
  let queue: String
  let server: Server

  /// Hands out what lies in the queue, the oldest first; at most ``Limits/sweep``. `body` settles what it wants and returns
  /// whether the delivery is to go back at the end; `finish` may still say so of others. A queue has what comes back in the
  /// order in which it comes, so all of it goes back together.
  func run(
    _ body: (AMQPDelivery) async throws -> Bool, finish: () async -> [AMQPDelivery] = { [] }
  ) async throws {
    let count = min(try await channel.queueInfo(queue).messageCount, Limits.sweep)
    // The protocol's prefetch ends at 65,535, so a deep queue takes two consumers.
    let window = min(count + 1, 60_000)
    var kept: [AMQPDelivery] = []
    var left = count
    var failure: (any Error)?
    // Nothing at all takes no consumer.
    while left > 0, failure == nil {
      let deliveries = try await channel.consume(queue, prefetch: UInt16(window))
      let wanted = min(left, window)
      let seen = Counter()
      let task = Task { try await watch(seen, deliveries) }
      var taken = 0
      do {
        for try await delivery in deliveries {
          taken += 1
          seen.increment()
          if failure != nil || taken > wanted {
            kept.append(delivery)
            continue
          }
          do { if try await body(delivery) { kept.append(delivery) } } catch {
            failure = error
            kept.append(delivery)
          }
          if taken == wanted { await deliveries.stop() }
        }
      } catch { failure = error }
      task.cancel()
      _ = await task.result
      if taken < wanted { break }
      left -= taken
    }
    _ = await finish()
    await giveBack()
    if let failure { throw failure }
  }

  /// Returns what was not settled: with one nack where a nack is free, else one by one, which keeps the order. What the broker has
  /// not passed on to the queue when the channel goes, it returns in any order and counts (see `QueuePump.giveBackAndClose`), so
  /// this waits until the queue has everything.
  private func giveBack() async {
    var returned = 0
    let end = ContinuousClock.now + .seconds(30)
    while case let count = channel.giveBackUnsettled(
      together: server.givesBackFreely, atMost: server.ordersReturns ? .max : 30), count > 0
    {
      returned += count
      while let info = try? await channel.queueInfo(queue), info.messageCount < returned, ContinuousClock.now < end {
        try? await Task.sleep(for: .milliseconds(2))
      }
    }
  }

  /// Ends the look when nothing came for a while: somebody else may have taken the rest.
  private func watch(_ seen: Counter, _ deliveries: AMQPDeliveries) async throws {
    var last = -1
    while true {
      try await Task.sleep(for: .milliseconds(700))
      let now = seen.value
      if now == last || now == 0 { return await deliveries.stop() }
      last = now
    }
  }

  private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
  }
}

extension DeadLetterReader {
  /// Runs `body` on a dead-letter queue while nobody else works there; nothing when there is no such queue.
  ///
  /// A quorum queue does not enforce an exclusive consumer, so the lock is an exclusive queue: it goes with the connection
  /// of its owner, however that ends.
  func sweeping<Result: Sendable>(
    _ queue: QueueName, _ body: @Sendable (Sweep) async throws -> Result
  ) async throws(BrokerError) -> Result? {
    if try await session.info(queue) == nil { return nil }
    let lock = SystemNames.lock(on: queue)
    do {
      return try await locks.withLock(lock) {
        try await self.takeLock(lock, queue)
        do {
          let result = try await session.onThrowawayChannel("looking through '\(queue)'") { channel in
            try await body(
              Sweep(
                channel: channel, queue: queue.rawValue, server: session.server))
          }
          await self.dropLock(lock)
          return result
        } catch {
          await self.dropLock(lock)
          throw error
        }
      }
    } catch let error as BrokerError { throw error } catch {
      throw BrokerError(.unavailable, "looking through '\(queue)' failed: \(error)", underlying: error)
    }
  }

  private func takeLock(_ lock: String, _ queue: QueueName) async throws {
    let end = ContinuousClock.now + .seconds(5)
    while true {
      do {
        return try await session.consuming.withChannel(AMQPChannelOptions(reopens: false)) {
          _ = try await $0.declareQueue(lock, durable: false, exclusive: true, autoDelete: false)
        }
      } catch let error as AMQPError where error.replyCode == 405 {
        if ContinuousClock.now > end {
          throw BrokerError(
            .unavailable, "somebody else works on the dead letters in '\(queue)': try again when they are done",
            underlying: error)
        }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private func dropLock(_ lock: String) async {
    await uncancelled {
      _ = try? await session.onThrowawayChannel("leaving the lock") { _ = try await $0.deleteQueue(lock) }
    }
  }
}
