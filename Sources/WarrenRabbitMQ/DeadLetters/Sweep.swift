internal import AMQP
internal import Foundation
internal import NIOCore
internal import Synchronization
internal import Warren

/// One look through a dead-letter queue. It takes what it needs and little more, keeps no bodies, and what it does not settle
/// goes back to its place, in order.
struct Sweep: Sendable {
  let channel: AMQPChannel
  let queue: String
  let server: Server
  /// How many deliveries the queue grants a message; `nil`: any number.
  let deliveryLimit: Int?

  /// How many bytes of bodies may be on their way at a time, as far as can be told from those before.
  private static let mostWaiting = 16 << 20

  /// So many deliveries must be left after a look, or it is refused.
  static let reserve = 1000

  /// Hands out what lies in the queue, the oldest first, until `body` wants no more; `body` settles what it wants, at once or in
  /// `finish`. A broker that stops answering makes it throw: what was seen by then is a part.
  ///
  /// - Parameter first: How many will probably be needed. If they do not suffice, more are taken in growing portions.
  func run(
    first: Int, _ body: (AMQPDelivery) async throws -> Bool, finish: () async -> Void = {}
  ) async throws {
    let count = try await channel.queueInfo(queue).messageCount
    // A deep queue takes several consumers: the protocol's prefetch ends at 65,535, and what a consumer may be sent waits in memory.
    var portion = min(max(first, 100), 500)
    var taken = 0, bytes = 0
    var wantsMore = true
    var failure: (any Error)?
    // Nothing at all takes no consumer.
    while taken < count, wantsMore, failure == nil {
      let wanted = min(count - taken, portion)
      let got: Int
      do {
        got = try await take(wanted) { delivery in
          bytes += delivery.body.readableBytes
          guard wantsMore, failure == nil else { return false }
          do {
            try check(delivery)
            wantsMore = try await body(delivery)
          } catch { failure = error }
          return wantsMore && failure == nil
        }
      } catch {
        failure = failure ?? error
        break
      }
      if got < wanted { break }
      taken += got
      portion = min(portion * 4, 60_000, max(100, Self.mostWaiting * taken / max(1, bytes)))
    }
    await finish()
    await giveBack()
    if let failure { throw failure }
  }

  /// Takes so many deliveries, or as many as there are; fewer when `body` wants no more. Returns how many came.
  private func take(_ wanted: Int, _ body: (AMQPDelivery) async -> Bool) async throws -> Int {
    let deliveries = try await channel.consume(queue, prefetch: UInt16(clamping: wanted))
    let seen = Counter()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await stopWhenNothingIsLeft(deliveries, seen) }
      defer { group.cancelAll() }
      var got = 0
      var isStopped = false
      for try await delivery in deliveries {
        got += 1
        seen.increment()
        let goesOn = await body(delivery)
        if !isStopped, !goesOn || got >= wanted {
          isStopped = true
          await deliveries.stop()
        }
      }
      group.cancelAll()
      // A broker that does not answer ends the look here.
      do { try await group.waitForAll() } catch is CancellationError {} catch let error as AMQPError
        where error.code == .cancelled
      {}
      return got
    }
  }

  /// Ends the taking when another program has the rest: when the queue says that nothing waits in it, and nothing comes any more.
  /// The broker says nothing to a consumer that has all there is, so the queue is asked, seldom enough to cost a long look little.
  private func stopWhenNothingIsLeft(_ deliveries: AMQPDeliveries, _ seen: Counter) async throws {
    var last = -1
    while true {
      try await Task.sleep(for: .milliseconds(300))
      let now = seen.value
      if now == last, try await channel.queueInfo(queue).messageCount == 0, seen.value == now {
        return await deliveries.stop()
      }
      last = now
    }
  }

  /// Refuses to go on where the queue would soon lose what is looked at.
  private func check(_ delivery: AMQPDelivery) throws(BrokerError) {
    guard let deliveryLimit else { return }
    let deliveries = Int(clamping: delivery.headers["x-delivery-count"]?.integer ?? 0)
    if deliveryLimit - deliveries < Self.reserve { throw Self.refusal(queue, limit: deliveryLimit, deliveries) }
  }

  /// The error for a queue that grants too few deliveries.
  static func refusal(_ queue: String, limit: Int, _ deliveries: Int = 0) -> BrokerError {
    let seen = deliveries == 0 ? "" : ", and one of them has had \(deliveries) already"
    return BrokerError(
      .unsupported,
      "looking at the messages in '\(queue)' could lose them: RabbitMQ takes one out of the queue after \(limit) deliveries"
        + "\(seen), and a look is a delivery. Grant more first: where no x-delivery-limit is among the queue's arguments, "
        + "`rabbitmqctl set_policy looks '^\(queue)$' '{\"delivery-limit\": 1000000}' --apply-to queues`; and of a policy that sets "
        + "a lower one, leave this queue out")
  }

  /// Returns what was not settled: with one nack where a nack is free, else one by one, which keeps the order. What the broker has
  /// not passed on to the queue when the channel goes, it returns in any order and counts (see `QueuePump.giveBackAndClose`), so
  /// this waits until the queue has everything. A nack has no answer, so the queue is asked until it counts what was returned.
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

  private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
  }
}

extension DeadLetterReader {
  /// Runs `body` on a dead-letter queue while no other operator works there; nothing when there is no such queue.
  ///
  /// A quorum queue does not enforce an exclusive consumer, so a lock does it.
  func sweeping<Result: Sendable>(
    _ queue: QueueName, _ body: @escaping @Sendable (Sweep) async throws -> Result
  ) async throws(BrokerError) -> Result? {
    if try await session.info(queue) == nil { return nil }
    let limit = try await deliveryLimit(of: queue)
    if let limit, limit < Sweep.reserve { throw Sweep.refusal(queue.rawValue, limit: limit) }
    return try await asBrokerError("looking through '\(queue)'") {
      try await locks.withLock("dead-letters.\(queue)", wait: .seconds(5)) {
        try await session.onThrowawayChannel("looking through '\(queue)'") { channel in
          try await body(
            Sweep(channel: channel, queue: queue.rawValue, server: session.server, deliveryLimit: limit))
        }
      }
    }
  }
}
