import AMQP
import NIOCore

/// What goes on all the time: publishing, and consumers that come, are left in every way there is, and come again.
struct Workers: Sendable {
  let publishing: AMQPConnection
  let consuming: AMQPConnection
  let books: Books
  let calls: Calls
  let seed: Int
  let queues: [String]
  /// Where nothing is counted, as messages without acknowledgement are lost with a connection.
  let unaccounted: String

  struct Left: Error {}

  // MARK: Publishing

  func publish(_ part: Int, until isOver: @escaping @Sendable () -> Bool) async {
    var random = Seeded(seed, part)
    while !isOver() {
      let options = AMQPChannelOptions(
        maxOutstanding: [4, 100, 1000].randomElement(using: &random) ?? 100, resendsUnknown: Bool.random(using: &random)
      )
      let rounds = Int.random(in: 1...40, using: &random)
      guard let channel = try? await calls.track({ try await publishing.openChannel(options) }) else { continue }
      for _ in 0..<rounds where !isOver() {
        // The broker's queues must not grow, or its alarms end the run.
        while books.open > 4000, !isOver() { try? await Task.sleep(for: .milliseconds(20)) }
        let count = Bool.random(using: &random) ? 1 : Int.random(in: 2...300, using: &random)
        await publish(count, on: channel, &random)
      }
      await calls.track { await channel.close() }
    }
  }

  /// Publishes messages, each again with the same id until it is confirmed.
  private func publish(_ count: Int, on channel: AMQPChannel, _ random: inout Seeded) async {
    var messages: [(id: Int, message: AMQPMessage)] = (0..<count).map { _ in
      let id = books.begin()
      let size = Int.random(in: 0...10, using: &random) == 0 ? 20_000 : 200
      return (
        id,
        AMQPMessage(
          routingKey: queues.randomElement(using: &random) ?? "",
          properties: AMQPProperties(deliveryMode: .persistent, messageID: "\(id)"),
          body: ByteBuffer(repeating: 0x78, count: size))
      )
    }
    var channel = channel
    while !messages.isEmpty {
      books.tried()
      let results = await calls.track { await channel.publish(messages.map(\.message), timeout: .seconds(20)) }
      var again: [(id: Int, message: AMQPMessage)] = []
      for (entry, result) in zip(messages, results) {
        if result.isConfirmed { books.confirmed(entry.id) } else { again.append(entry) }
      }
      messages = again
      guard !again.isEmpty else { return }
      if let fresh = try? await calls.track({ try await publishing.openChannel() }) { channel = fresh }
    }
    await calls.track { await channel.close() }
  }

  /// Fills the queue whose consumers want no acknowledgement.
  func flood(_ part: Int, until isOver: @escaping @Sendable () -> Bool) async {
    while !isOver() {
      let messages = (0..<500).map { _ in
        AMQPMessage(
          routingKey: unaccounted, properties: AMQPProperties(), body: ByteBuffer(repeating: 0x79, count: 100))
      }
      _ = try? await calls.track {
        try await publishing.withChannel { channel in _ = await channel.publish(messages, timeout: .seconds(10)) }
      }
      try? await Task.sleep(for: .milliseconds(200))
    }
  }

  // MARK: Consuming

  /// Consumes a queue again and again, and leaves it each time in some way.
  func consume(_ part: Int, noAck: Bool, until isOver: @escaping @Sendable () -> Bool) async {
    var random = Seeded(seed, part)
    while !isOver() {
      let queue = noAck ? unaccounted : queues[part % queues.count]
      var copy = Seeded(seed, Int.random(in: 1000...1_000_000_000, using: &random))
      do {
        try await calls.track {
          try await consuming.withChannel { channel in
            let deliveries = try await channel.consume(
              queue, prefetch: UInt16.random(in: 1...300, using: &copy), options: .init(noAck: noAck))
            try await leave(deliveries, noAck, &copy)
          }
        }
      } catch {}
      if Bool.random(using: &random) { try? await Task.sleep(for: .milliseconds(5)) }
    }
  }

  private func leave(_ deliveries: AMQPDeliveries, _ noAck: Bool, _ random: inout Seeded) async throws {
    let count = Int.random(in: 1...500, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: try await take(count, deliveries, noAck, random.next())
    case 1:
      try await take(count, deliveries, noAck, random.next())
      await deliveries.cancel()
    case 2:
      // Comes back to what was left.
      try await take(count / 2, deliveries, noAck, random.next())
      try await take(count / 2, deliveries, noAck, random.next())
    case 3:
      let taking = Task { [seed = random.next()] in try await take(.max, deliveries, noAck, seed) }
      try? await Task.sleep(for: .milliseconds(Int.random(in: 1...400, using: &random)))
      taking.cancel()
      _ = await taking.result
    case 4:
      try await take(count, deliveries, noAck, random.next())
      throw Left()
    default:
      // Without taking anything.
      try? await Task.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
      if Bool.random(using: &random) { await deliveries.cancel() }
    }
  }

  /// Takes so many deliveries, or as many as come within two seconds.
  private func take(_ count: Int, _ deliveries: AMQPDeliveries, _ noAck: Bool, _ seed: UInt64) async throws {
    let taking = Task {
      var random = Seeded(Int(truncatingIfNeeded: seed), 1)
      var taken = 0
      for try await delivery in deliveries {
        taken += 1
        settle(delivery, noAck, &random)
        if taken >= count { return }
      }
    }
    let limit = Task {
      try await Task.sleep(for: .seconds(2))
      taking.cancel()
    }
    defer { limit.cancel() }
    try await withTaskCancellationHandler {
      try await taking.value
    } onCancel: {
      taking.cancel()
    }
  }

  private func settle(_ delivery: AMQPDelivery, _ noAck: Bool, _ random: inout Seeded) {
    guard !noAck else { return }
    switch Int.random(in: 0..<100, using: &random) {
    case 0: delivery.nack(requeue: true)
    case 1: delivery.reject(requeue: true)
    // It goes back when the channel closes.
    case 2: break
    default:
      if delivery.ack() == .accepted, let id = delivery.properties.messageID.flatMap({ Int($0) }) { books.consumed(id) }
    }
  }
}
