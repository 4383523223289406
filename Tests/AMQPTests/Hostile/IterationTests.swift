import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import AMQP

/// Sequences of deliveries that a user leaves and comes back to.
@Suite("Leaving a sequence and coming back")
struct IterationTests {
  private static let ten = (1...10).map { "\($0)" }

  private func consuming(
    _ script: @escaping FakeBroker.Script = { _, _ in false }, noAck: Bool = false,
    _ body: @escaping @Sendable (FakeBroker, AMQPConnection, AMQPDeliveries) async throws -> Void
  ) async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run(script) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume(
            "q", prefetch: 10, options: .init(consumerTag: "tag", noAck: noAck))
          try await body(broker, connection, deliveries)
        }
      }
    }
  }

  /// Waits until the client has taken in what the broker sent before.
  private func settled(_ connection: AMQPConnection) async throws {
    _ = try await connection.withChannel { try await $0.queueInfo("q") }
  }

  @Test("After a cancelled loop the next one waits and does not spin")
  func afterCancellation() async throws {
    try await consuming { broker, _, deliveries in
      // One thread: a job that never suspends keeps the next one from its turn.
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let executor = ConnectionExecutor(group.next())
      let first = Task(executorPreference: executor) { for try await _ in deliveries {} }
      // It waits once this had its turn.
      await Task(executorPreference: executor) {}.value
      first.cancel()
      _ = await first.result
      let began = Atomic(false)
      let second = Task(executorPreference: executor) {
        began.store(true, ordering: .relaxed)
        var iterator = deliveries.makeAsyncIterator()
        return try await iterator.next()?.text
      }
      await eventually { began.load(ordering: .relaxed) }
      let other = Task(executorPreference: executor) {}
      let gotItsTurn = try? await within(.seconds(5)) {
        // A group waits for its children: this one looks and never hangs.
        let done = Atomic(false)
        let watching = Task {
          await other.value
          done.store(true, ordering: .relaxed)
        }
        await eventually { done.load(ordering: .relaxed) }
        watching.cancel()
        return done.load(ordering: .relaxed)
      }
      #expect(gotItsTurn == true)
      if gotItsTurn == true {
        try await broker.withPeer { $0.deliver(1, to: "tag", "late", on: 1) }
        #expect(try await second.value == "late")
      }
      second.cancel()
      _ = await second.result
      await other.value
      try await group.shutdownGracefully()
    }

  }

  @Test("A time limit around next() loses nothing and can be used again")
  func timeLimit() async throws {
    try await consuming { broker, _, deliveries in
      for _ in 0..<3 {
        let waiting = Task {
          var iterator = deliveries.makeAsyncIterator()
          return try await iterator.next()
        }
        waiting.cancel()
        #expect(try await waiting.value == nil)
      }
      try await broker.withPeer { $0.deliver(1, to: "tag", "late", on: 1) }
      var iterator = deliveries.makeAsyncIterator()
      #expect(try await iterator.next()?.text == "late")
    }
  }

  private final class Seen: Sendable {
    let failures = Atomic(0)
    let texts = Mutex<[String]>([])
  }

  @Test("Of two loops at a time one ends with an error, and the other one goes on")
  func twoAtOnce() async throws {
    try await consuming { broker, _, deliveries in
      let seen = Seen()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask {
            do {
              for try await delivery in deliveries { seen.texts.withLock { $0.append(delivery.text) } }
            } catch { seen.failures.add(1, ordering: .relaxed) }
          }
        }
        _ = try? await within(.seconds(3)) { await eventually { seen.failures.load(ordering: .relaxed) > 0 } }
        #expect(seen.failures.load(ordering: .relaxed) == 1)
        try await broker.withPeer { $0.deliver(1, to: "tag", "one", on: 1) }
        await eventually { !seen.texts.withLock { $0.isEmpty } }
        group.cancelAll()
      }
      #expect(seen.failures.load(ordering: .relaxed) == 1)
      #expect(seen.texts.withLock { $0 } == ["one"])
    }

  }

  @Test("What a loop left by break did not hand out, the next loop does")
  func breakAndGoOn() async throws {
    try await consuming(FakeBroker.delivering(Self.ten)) { _, connection, deliveries in
      try await settled(connection)
      for try await delivery in deliveries {
        delivery.ack()
        break
      }
      let rest = Mutex<[String]>([])
      let second = Task { for try await delivery in deliveries { rest.withLock { $0.append(delivery.text) } } }
      _ = try? await within(.seconds(2)) { await eventually { rest.withLock { $0.count } == 9 } }
      second.cancel()
      _ = await second.result
      #expect(rest.withLock { $0 } == Array(Self.ten.dropFirst()))
    }

  }

  @Test("Without acknowledgements too, where it would be lost for good")
  func breakAndGoOnWithoutAck() async throws {
    try await consuming(FakeBroker.delivering(Self.ten), noAck: true) { _, connection, deliveries in
      try await settled(connection)
      for try await _ in deliveries { break }
      let rest = Mutex<[String]>([])
      let second = Task { for try await delivery in deliveries { rest.withLock { $0.append(delivery.text) } } }
      _ = try? await within(.seconds(2)) { await eventually { rest.withLock { $0.count } == 9 } }
      second.cancel()
      _ = await second.result
      #expect(rest.withLock { $0 } == Array(Self.ten.dropFirst()))
    }

  }

  @Test("cancel() gives back all that was not handed out")
  func breakAndCancel() async throws {
    try await consuming(FakeBroker.delivering(Self.ten)) { broker, connection, deliveries in
      try await settled(connection)
      for try await delivery in deliveries {
        delivery.ack()
        break
      }
      await deliveries.cancel()
      try await settled(connection)
      let given = broker.methods.reduce(into: Set<UInt64>()) { tags, method in
        guard case .basicNack(let tag, let multiple, true) = method else { return }
        tags.formUnion(multiple ? Set(2...tag) : [tag])
      }
      #expect(given == Set(2...10))
    }

  }
}
