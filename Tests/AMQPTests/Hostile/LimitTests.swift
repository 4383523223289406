import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import AMQP

/// What holds publishers back, and who else is asked when one broker is gone.
@Suite("Limits")
struct LimitTests {
  private static func bodies(_ frames: [Frame]) -> Int { frames.count { if case .body = $0 { true } else { false } } }

  @Test("The window counts bytes: what exceeds it waits for a confirm, and a message larger than it goes alone")
  func window() async throws {
    try await within {
      try await FakeBroker.run({ _, frame in if case .body = frame { true } else { false } }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          // A body of 300 bytes counts as 428.
          let channel = try await connection.openChannel(.init(maxOutstandingBytes: 1000))
          var sizes = Array(repeating: 300, count: 5)
          sizes.append(5000)
          let messages = sizes.map { AMQPMessage(routingKey: "k", body: ByteBuffer(repeating: 1, count: $0)) }
          async let results = channel.publish(messages)
          for (confirmed, sent) in [(0, 2), (2, 4), (4, 5), (5, 6)] {
            if confirmed > 0 {
              try await broker.withPeer { $0.send(.basicAck(deliveryTag: UInt64(confirmed), multiple: true), on: 1) }
            }
            await broker.wait { Self.bodies($0) == sent }
            // Whatever else had been sent would be seen before this is answered.
            _ = try await channel.queueInfo("q")
            #expect(Self.bodies(broker.frames) == sent)
          }
          try await broker.withPeer { $0.send(.basicAck(deliveryTag: 6, multiple: false), on: 1) }
          #expect(await results.allSatisfy { $0.isConfirmed })
        }
      }
    }
  }

  @Test("A broker that reads nothing holds publishers back; each ends in time, and only what was sent is unknown")
  func fullSocket() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(maxOutstanding: 10_000, maxOutstandingBytes: 1 << 30))
          try await channel.publish(AMQPMessage(routingKey: "k", body: "confirms are on"))
          try await broker.withPeer { try? $0.channel.syncOptions?.setOption(.autoRead, value: false) }
          let body = ByteBuffer(repeating: 1, count: 100_000)
          let messages = (0..<500).map { _ in AMQPMessage(routingKey: "k", body: body) }
          let results = await channel.publish(messages, timeout: .seconds(1))
          let unknown = results.count { $0.error?.code == .unknownOutcome }
          let unsent = results.count { $0.error?.code == .publishTimeout }
          #expect(unknown > 0 && unsent > 0 && unknown + unsent == 500)
          // All that was sent arrives, and nothing that was not.
          try await broker.withPeer { try? $0.channel.syncOptions?.setOption(.autoRead, value: true) }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "it reads again"))
          #expect(Self.bodies(broker.frames) == unknown + 2)
        }
      }
    }
  }

  @Test("A peer that asks for answers without end and reads none is left, before the answers fill the memory")
  func unreadAnswers() async throws {
    try await within {
      try await FakeBroker.run { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel()
          try await channel.publish(AMQPMessage(routingKey: "k", body: "the channel is open"))
          let states = connection.states()
          try await broker.withPeer { peer in
            try? peer.channel.syncOptions?.setOption(.autoRead, value: false)
            var questions = ByteBuffer()
            for _ in 0..<10_000 {
              try? FrameWriter.write(.channelFlow(active: true), channel: 1, to: &questions)
            }
            // Far more answers than the buffers of two sockets hold.
            for _ in 0..<100 { peer.send(questions) }
          }
          for await state in states { if case .recovering = state { break } }
          try await channel.publish(AMQPMessage(routingKey: "k", body: "it goes on with another connection"))
          #expect(broker.connections == 2)
        }
      }
    }
  }

  @Test("Messages larger than the socket's buffers are written once each, in order")
  func largeMessages() async throws {
    try await within {
      let left = Mutex(UInt64(0))
      try await FakeBroker.run({ peer, frame in
        switch frame {
        case .header(_, let size, _): left.withLock { $0 = size }
        case .body(let number, let bytes):
          guard
            left.withLock({ left in
              left -= UInt64(bytes.readableBytes); return left == 0
            })
          else { return true }
          peer.published[number, default: 0] += 1
          peer.send(.basicAck(deliveryTag: peer.published[number] ?? 0, multiple: false), on: number)
        default: return false
        }
        return true
      }) { broker in
        try await AMQPConnection.withConnection(broker.configuration) { connection in
          let channel = try await connection.openChannel(.init(maxOutstandingBytes: 1 << 30))
          // A socket that takes 4 MB at once is writable again before the write has returned.
          let messages = (0..<40).map { index in
            AMQPMessage(
              routingKey: "\(index)", body: ByteBuffer(repeating: 1, count: index.isMultiple(of: 2) ? 4 << 20 : 10))
          }
          #expect(await channel.publish(messages).allSatisfy { $0.isConfirmed })
          let keys = broker.methods.compactMap { if case .basicPublish(_, let key, _, _) = $0 { key } else { nil } }
          #expect(keys == (0..<40).map { "\($0)" })
        }
      }
    }
  }

  @Test("Every endpoint gets its share, and the others are asked when one is gone")
  func endpoints() async throws {
    try await within {
      try await FakeBroker.run { second in
        var configuration = second.configuration
        let (connections, runs) = try await FakeBroker.run { first in
          configuration.endpoints.append(contentsOf: first.configuration.endpoints)
          // A machine that has other things to do must not make it give up and connect once more.
          configuration.connectTimeout = .seconds(60)
          configuration.handshakeTimeout = .seconds(60)
          let connections = (0..<20).map { [configuration] _ in AMQPConnection(configuration) }
          let runs = connections.map { connection in Task { try await connection.run() } }
          for connection in connections { try await connection.waitUntilOpen() }
          #expect(first.connections > 0 && second.connections > 0)
          #expect(first.connections + second.connections == 20)
          return (connections, runs)
        }
        for connection in connections {
          let channel = try await connection.openChannel()
          // Some find only now that their broker is gone.
          while case let error = await amqpError({
            try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          }), error != nil { #expect(error?.code == .unknownOutcome) }
        }
        #expect(second.connections == 20)
        for connection in connections { await connection.close() }
        for run in runs { try await run.value }
      }
    }
  }

  @Test("A name is looked up again at each try")
  func namesAreLookedUpAgain() async throws {
    try await within {
      try await FakeBroker.run { broker in
        let lookups = Atomic(0)
        var configuration = broker.configuration
        configuration.endpoints[0].host = "broker.example"
        configuration.recovery.retriesFirstConnect = true
        // Unknown at first, as while a cluster is being set up.
        configuration.resolver = Names { lookups.add(1, ordering: .relaxed).newValue > 2 ? "127.0.0.1" : nil }
        try await AMQPConnection.withConnection(configuration) { connection in
          #expect(lookups.load(ordering: .relaxed) == 3)
          let states = connection.states()
          try await broker.withPeer { $0.hangUp() }
          for await state in states { if case .recovering = state { break } }
          try await connection.waitUntilOpen()
          #expect(lookups.load(ordering: .relaxed) == 4)
        }
      }
    }
  }

  /// Finds the address that a closure gives for any name, if it gives one.
  private final class Names: Resolver, Sendable {
    private let address: @Sendable () -> String?

    init(_ address: @escaping @Sendable () -> String?) { self.address = address }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      let loop = MultiThreadedEventLoopGroup.singleton.any()
      let addresses = Result { try address().map { [try SocketAddress(ipAddress: $0, port: port)] } ?? [] }
      return loop.makeCompletedFuture(addresses)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
      MultiThreadedEventLoopGroup.singleton.any().makeSucceededFuture([])
    }

    func cancelQueries() {}
  }

  @Test("Rubbish while the connection is being closed changes nothing about how it ends")
  func rubbishAtTheEnd() async throws {
    for rubbish in [
      HostileTests.raw(1, 0, [0, 10, 0, 99]), HostileTests.raw(1, 1, [0x7F, 0xFF, 0, 1]),
      HostileTests.method(.basicAck(deliveryTag: 99, multiple: false), 9), HostileTests.delivery("stranger", 1),
      HostileTests.raw(7, 0, [1, 2, 3]),
    ] {
      try await within {
        try await FakeBroker.run({ peer, frame in
          guard case .method(0, .connectionClose) = frame else { return false }
          peer.send(rubbish)
          peer.send(.connectionCloseOk)
          return true
        }) { broker in
          try await AMQPConnection.withConnection(broker.configuration) { connection in
            let channel = try await connection.openChannel()
            try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          }
          #expect(broker.connections == 1)
        }
      }
    }
  }

  @Test("Without heartbeats on either side none is sent, and the log says so", arguments: [UInt16(0), 60])
  func noHeartbeats(_ offered: UInt16) async throws {
    try await within {
      let lines = Lines()
      try await FakeBroker.run({ peer, frame in
        if case .method(0, .connectionStartOk) = frame { peer.tune.heartbeat = offered }
        return false
      }) { broker in
        var configuration = broker.configuration
        configuration.heartbeat = .zero
        configuration.logger = Logger(label: "test") { _ in lines }
        try await AMQPConnection.withConnection(configuration) { connection in _ = try await connection.openChannel() }
        let tuned = broker.methods.compactMap {
          if case .connectionTuneOk(let tune) = $0 { tune.heartbeat } else { nil }
        }
        // A broker that insists is obeyed.
        #expect(tuned == [offered])
        #expect(lines.warnings.withLock { $0.contains { $0.contains("heartbeats are off") } } == (offered == 0))
      }
    }
  }

  private final class Lines: LogHandler, Sendable {
    let warnings = Mutex<[String]>([])
    var metadata: Logger.Metadata {
      get { [:] }
      set {}
    }
    var logLevel: Logger.Level {
      get { .warning }
      set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }

    func log(event: LogEvent) { warnings.withLock { $0.append("\(event.message)") } }
  }

  @Test("Time limits that never end are none")
  func endless() async throws {
    try await within(.seconds(20)) {
      try await FakeBroker.run { broker in
        let endless = Duration.seconds(Int64.max)
        var configuration = broker.configuration
        configuration.replyTimeout = endless
        configuration.connectTimeout = endless
        configuration.handshakeTimeout = endless
        configuration.recovery.stableAfter = endless
        configuration.credentialsProvider = AMQPCredentialsProvider { .init(.guest, validFor: endless) }
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel(.init(publishTimeout: endless))
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          try await channel.publish(AMQPMessage(routingKey: "k", body: "x"), timeout: endless)
          _ = try await channel.queueInfo("q")
          try await channel.consume("q").cancel()
          try await broker.hangUp(on: connection)
          _ = try await channel.queueInfo("q")
          await channel.close()
        }
      }
    }
  }
}
