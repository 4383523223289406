import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import AMQP

/// Coming back when that is not simple.
@Suite("Recovery in tight places")
struct RecoveryTests {
  @Test("With all channel numbers in use and a topology the connection comes back")
  func allNumbersInUse() async throws {
    try await within(.seconds(5)) {
      try await FakeBroker.run { broker in
        var configuration = broker.configuration
        configuration.channelMax = 1
        configuration.topology = AMQPTopology(queues: [.init("q")])
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
        }
        #expect(broker.connections == 2)
        #expect(broker.count { if case .queueDeclare = $0 { true } else { false } } == 2)
      }
    }

  }

  @Test("Many channels come back side by side")
  func manyChannels() async throws {
    let channels = 200
    try await within(.seconds(60)) {
      let waiting = Mutex<[UInt16]>([])
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(let channel, .channelOpen) = frame else { return false }
        // Answers once all have asked: a client that waits for each answer gets none.
        let ready = waiting.withLock { waiting in
          waiting.append(channel)
          return waiting.count == channels ? waiting : []
        }
        for channel in ready { peer.send(.channelOpenOk, on: channel) }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          for _ in 0..<channels { _ = try await connection.openChannel() }
          try await broker.hangUp(on: connection)
          try await connection.waitUntilOpen()
        }
      }
    }

  }

  @Test("An exclusive consumer waits until the broker has forgotten its predecessor")
  func exclusiveConsumer() async throws {
    try await within(.seconds(10)) {
      let refusals = Atomic(0)
      try await FakeBroker.run({ peer, frame in
        guard peer.index > 0, case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        if refusals.add(1, ordering: .relaxed).newValue <= 2 {
          peer.closeChannel(
            channel, 403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use", .basicConsume(consume))
        } else {
          peer.accept(consume, deliver: ["again"], on: channel)
        }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(exclusive: true))
          try await broker.hangUp(on: connection)
          var iterator = deliveries.makeAsyncIterator()
          #expect(try await iterator.next()?.text == "again")
        }
        #expect(broker.connections == 2)
      }
    }
  }

  @Test("A consumer of a stream goes on behind the last offset it saw", arguments: ["first", "next", "5"])
  func streamOffset(_ offset: String) async throws {
    try await within(.seconds(10)) {
      let asked = Mutex<[AMQPValue?]>([])
      try await FakeBroker.run({ peer, frame in
        guard case .method(let channel, .basicConsume(let consume)) = frame else { return false }
        asked.withLock { $0.append(consume.arguments["x-stream-offset"]) }
        peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: channel)
        for tag in 1...3 as ClosedRange<UInt64> {
          let offset = Int64(peer.index * 100) + 40 + Int64(tag)
          peer.deliver(
            tag, to: consume.consumerTag, "\(offset)",
            properties: .init(headers: ["x-stream-offset": .int64(offset)]),
            on: channel)
        }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          let value: AMQPValue = Int64(offset).map { .int64($0) } ?? .string(offset)
          let deliveries = try await channel.consume("s", options: .init(arguments: ["x-stream-offset": value]))
          var iterator = deliveries.makeAsyncIterator()
          for offset in 41...43 { #expect(try await iterator.next()?.text == "\(offset)") }
          try await broker.hangUp(on: connection)
          #expect(try await iterator.next()?.text == "141")
          #expect(asked.withLock { $0 }.map { $0?.integer } == [Int64(offset), 44])
        }
      }
    }

  }

  // MARK: Closing while a connection is being opened

  /// Answers when it is told to.
  private final class SlowNames: Resolver, Sendable {
    private let answer = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: [SocketAddress].self)
    let isAsked = Atomic(false)

    func release(_ address: SocketAddress?) { answer.succeed(address.map { [$0] } ?? []) }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      isAsked.store(true, ordering: .relaxed)
      return answer.futureResult
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      MultiThreadedEventLoopGroup.singleton.any().makeSucceededFuture([])
    }

    func cancelQueries() {}
  }

  @Test("Closing while TCP connects does not wait, and a socket that opens afterwards is closed")
  func closingWhileConnecting() async throws {
    try await within {
      let seen = Mutex<[FakeBroker.Peer]>([])
      try await FakeBroker.run(
        { _, _ in false },
        onAccept: { peer in
          seen.withLock { $0.append(peer) }
          return true
        }
      ) { broker in
        let names = SlowNames()
        var configuration = broker.configuration
        configuration.endpoints[0].host = "broker.example"
        configuration.resolver = names
        configuration.connectTimeout = .seconds(3)
        let connection = AMQPConnection(configuration)
        let running = Task { try await connection.run() }
        await eventually { names.isAsked.load(ordering: .relaxed) }
        let start = ContinuousClock.now
        await connection.close()
        try await running.value
        #expect(ContinuousClock.now - start < .seconds(2))
        names.release(try SocketAddress(ipAddress: "127.0.0.1", port: broker.port))
        // If it connects all the same, it must hang up at once and say nothing.
        try await Task.sleep(for: .milliseconds(50))
        for peer in seen.withLock({ $0 }) { try await peer.channel.closeFuture.get() }
        #expect(broker.frames.isEmpty)
      }
    }

  }
}
