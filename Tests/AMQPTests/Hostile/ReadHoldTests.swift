import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import AMQP

/// A consumer without acknowledgement that does not take its deliveries stops the reads of the socket. Leaving it must
/// give them back.
@Suite("A consumer that holds the reads", .serialized)
struct ReadHoldTests {
  /// More than a consumer buffers.
  private static let many = Array(repeating: String(repeating: "x", count: 1000), count: 3000)
  /// What a leave that waits for an answer that cannot come would take.
  private static let replyTimeout = Duration.seconds(4)

  /// Runs `body` with a connection and a consumer that holds the reads. The broker confirms nothing on other channels.
  private func holding(
    _ body: @escaping @Sendable (FakeBroker, AMQPConnection, AMQPChannel, AMQPDeliveries) async throws -> Void
  ) async throws {
    try await within {
      try await FakeBroker.run(FakeBroker.delivering(Self.many)) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = Self.replyTimeout
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(noAck: true))
          await eventually { await connection.isHoldingReads }
          try await body(broker, connection, channel, deliveries)
        }
      }
    }
  }

  private func time(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = ContinuousClock.now
    try await body()
    return ContinuousClock.now - start
  }

  @Test("Cancelling it does not wait for an answer that cannot be read, and the connection goes on")
  func cancelling() async throws {
    try await holding { _, connection, _, deliveries in
      #expect(await time { await deliveries.cancel() } < Self.replyTimeout)
      #expect(await !connection.isHoldingReads)
      _ = try await connection.withChannel { try await $0.queueInfo("q") }
    }

  }

  @Test("Closing its channel does not wait either, and the connection goes on")
  func closing() async throws {
    try await holding { _, connection, channel, _ in
      #expect(await time { await channel.close() } < Self.replyTimeout)
      #expect(await !connection.isHoldingReads)
      _ = try await connection.withChannel { try await $0.queueInfo("q") }
    }

  }

  @Test("Leaving the loop by break inside withChannel leaves a connection that works")
  func breaking() async throws {
    try await within {
      try await FakeBroker.run(FakeBroker.delivering(Self.many)) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = Self.replyTimeout
        try await AMQPConnection.withConnection(configuration) { connection in
          let took = try await time {
            try await connection.withChannel { channel in
              for try await _ in try await channel.consume("q", options: .init(noAck: true)) { break }
              await eventually { await connection.isHoldingReads }
            }
          }
          #expect(took < Self.replyTimeout)
          _ = try await connection.withChannel { try await $0.queueInfo("q") }
        }
      }
    }

  }

  @Test("A handler may publish with confirms on the same connection")
  func publishingHandler() async throws {
    try await holding { _, connection, _, deliveries in
      let publisher = try await connection.openChannel(.init(publishTimeout: .seconds(5)))
      var count = 0
      for try await _ in deliveries {
        try await publisher.publish(AMQPMessage(routingKey: "k", body: "x"))
        count += 1
        if count == 100 { break }
      }
    }

  }

  @Test("A broker that dies while the reads are held is noticed")
  func deadBroker() async throws {
    try await within(.seconds(40)) {
      try await FakeBroker.run(
        FakeBroker.delivering(Self.many),
        onAccept: { peer in
          // The scripted broker sends no heartbeats: once its deliveries are through it counts as dead.
          peer.tune.heartbeat = 1
          return true
        }
      ) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(noAck: true))
          await eventually { await connection.isHoldingReads }
          let states = connection.states()
          let lost = Task {
            for await state in states { if case .recovering = state { return true } }
            return false
          }
          let limit = Task {
            try await Task.sleep(for: .seconds(20))
            lost.cancel()
          }
          #expect(await lost.value)
          limit.cancel()
          withExtendedLifetime(deliveries) {}
        }
      }
    }

  }

  @Test("A hold ends with the connection it was made for")
  func nextConnection() async throws {
    try await within {
      try await FakeBroker.run({ peer, frame in
        peer.index == 0 && FakeBroker.delivering(Self.many)(peer, frame)
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(15)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(noAck: true))
          await eventually { await connection.isHoldingReads }
          await channel.close()
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          for try await _ in deliveries {}
          // The mailbox is empty once this is answered.
          _ = try await connection.withChannel { try await $0.queueInfo("q") }
          #expect(await !connection.isHoldingReads)
        }
      }
    }

  }

  @Test("Closing the connection does not wait, and ends in good order")
  func closingTheConnection() async throws {
    try await within {
      try await FakeBroker.run(FakeBroker.delivering(Self.many)) { broker in
        var configuration = broker.configuration
        configuration.closeTimeout = Self.replyTimeout
        let settings = configuration
        let connection = AMQPConnection(settings)
        async let running: Void = connection.run()
        try await connection.waitUntilOpen()
        let channel = try await connection.openChannel()
        let deliveries = try await channel.consume("q", options: .init(noAck: true))
        await eventually { await connection.isHoldingReads }
        #expect(await time { await connection.close() } < .seconds(1))
        try await running
        withExtendedLifetime(deliveries) {}
      }
    }
  }

  @Test("A new secret is taken while the reads are held, though neither side sends heartbeats")
  func newSecret() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run(
        { peer, frame in
          if case .method(0, .connectionUpdateSecret) = frame {
            peer.send(.connectionUpdateSecretOk)
            return true
          }
          return FakeBroker.delivering(Self.many)(peer, frame)
        },
        onAccept: { peer in
          peer.tune.heartbeat = 0
          return true
        }
      ) { broker in
        var configuration = broker.configuration
        configuration.heartbeat = .zero
        configuration.replyTimeout = Self.replyTimeout
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(noAck: true))
          await eventually { await connection.isHoldingReads }
          #expect(await amqpError { try await connection.updateSecret("new") } == nil)
          withExtendedLifetime(deliveries) {}
        }
      }
    }
  }

  @Test(
    "A loop that is left does not keep the other consumers from their deliveries for ever", arguments: [UInt16(0), 60])
  func neighbour(_ heartbeat: UInt16) async throws {
    try await within(.seconds(30)) {
      try await FakeBroker.run(
        { peer, frame in
          guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
          // Few bytes, so that they are all read when reads are let through.
          if consume.queue == "q" { return FakeBroker.delivering(Array(repeating: "x", count: 3000))(peer, frame) }
          peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
          return true
        },
        onAccept: { peer in
          peer.tune.heartbeat = heartbeat
          return true
        }
      ) { broker in
        var configuration = broker.configuration
        configuration.heartbeat = .seconds(Int(heartbeat))
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let neighbour = try await connection.openChannel()
          let theirs = try await neighbour.consume("other", options: .init(consumerTag: "n"))
          let deliveries = try await channel.consume("q", options: .init(noAck: true))
          await eventually { await connection.isHoldingReads }
          try await broker.withPeer { $0.deliver(1, to: "n", "for the neighbour", on: 2) }
          var iterator = theirs.makeAsyncIterator()
          #expect(try await iterator.next()?.text == "for the neighbour")
          withExtendedLifetime(deliveries) {}
        }
      }
    }
  }
}
