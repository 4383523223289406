import NIOCore
import Testing

@testable import AMQP

/// A peer that breaks the protocol. Whatever it does: no hang, no trap, a typed error for everybody who waits.
@Suite("Hostile broker")
struct HostileTests {
  /// What a test expects to be thrown by a call that a bad peer ruins.
  private func error(
    _ script: @escaping FakeBroker.Script, onAccept: @escaping @Sendable (FakeBroker.Peer) -> Bool = { _ in true },
    _ change: @escaping @Sendable (inout AMQPConfiguration) -> Void = { _ in },
    during body: @escaping @Sendable (AMQPConnection) async throws -> Void = { _ in }
  ) async throws -> AMQPError? {
    try await within {
      try await FakeBroker.run(script, onAccept: onAccept) { broker in
        var configuration = broker.configuration
        configuration.recovery = .none
        change(&configuration)
        return await amqpError { try await AMQPConnection.withConnection(configuration) { try await body($0) } }
      }
    }
  }

  @Test("Other protocols and rubbish instead of a handshake are named")
  func notAMQP() async throws {
    for bytes in ["AMQP\u{0}\u{1}\u{1}\u{0}", "HTTP/1.1 400 Bad Request\r\n\r\n", "rubbish"] {
      let error = try await error({ _, _ in true }) { peer in
        peer.channel.eventLoop.execute { peer.send(Array(bytes.utf8)) }
        return false
      }
      #expect(error?.code == .versionMismatch, "\(bytes)")
    }
  }

  @Test("A header that promises four gigabytes ends the handshake")
  func hugeHeader() async throws {
    let error = try await error({ _, _ in true }) { peer in
      peer.channel.eventLoop.execute { peer.send([1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]) }
      return false
    }
    #expect(error?.code == .versionMismatch)
  }

  @Test("Silence ends the handshake in its time")
  func silence() async throws {
    let error = try await error({ _, _ in true }, onAccept: { _ in false }) { $0.handshakeTimeout = .milliseconds(50) }
    #expect(error?.code == .handshakeFailed)
  }

  @Test("A hang-up or a close at each step of the handshake is a failure with a reason")
  func closesInHandshake() async throws {
    for step in 0..<3 {
      for says in [false, true] {
        let error = try await error({ peer, frame in
          let isNow =
            switch frame {
            case .method(0, .connectionStartOk): step == 1
            case .method(0, .connectionOpen): step == 2
            default: false
            }
          guard isNow else { return false }
          if says {
            peer.send(.connectionClose(CloseReason(replyCode: 541, replyText: "INTERNAL_ERROR")))
          } else {
            peer.hangUp()
          }
          return true
        }) { peer in
          guard step == 0 else { return true }
          peer.channel.eventLoop.execute { peer.hangUp() }
          return false
        }
        #expect(
          [.handshakeFailed, .authenticationFailed].contains(error?.code),
          "step \(step), says \(says): \(String(describing: error))")
      }
    }
  }

  /// What a peer sends to a client whose channel 1 is open and waits for a confirm.
  static let attacks: [(name: String, bytes: @Sendable () -> ByteBuffer)] = [
    ("a frame on a channel that is not open", { method(.basicAck(deliveryTag: 1, multiple: false), 9) }),
    ("a confirm of a number never given out", { method(.basicAck(deliveryTag: 99, multiple: false), 1) }),
    ("a confirm of all up to the highest number", { method(.basicAck(deliveryTag: .max, multiple: true), 1) }),
    ("a refusal of number zero", { method(.basicNack(deliveryTag: 0, multiple: false, requeue: false), 1) }),
    ("a delivery for an unknown consumer", { delivery("stranger", 1) }),
    ("an answer to no question", { method(.queueDeclareOk(queue: "q", messages: 0, consumers: 0), 1) }),
    (
      "an answer of another kind on channel 0",
      { method(.connectionTune(.init(channelMax: 1, frameMax: 1, heartbeat: 1)), 0) }
    ),
    ("a second handshake", { method(FakeBroker.start, 0) }),
    (
      "a method that only clients send",
      { method(.basicPublish(exchange: "", routingKey: "", mandatory: false, immediate: false), 0) }
    ),
    ("a header without its method", { raw(2, 1, [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]) }),
    ("a body without its header", { raw(3, 1, [1, 2, 3]) }),
    ("a body on channel 0", { raw(3, 0, [1, 2, 3]) }),
    ("a body longer than its header says", { overrun() }),
    ("a body of 16 exabytes", { hugeBody(.max) }),
    ("a body of minus one", { hugeBody(UInt64(bitPattern: -1)) }),
    ("a frame over the limit", { ByteBuffer(bytes: [3, 0, 1, 0, 0x20, 0, 0]) }),
    ("a frame of four gigabytes", { ByteBuffer(bytes: [3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]) }),
    ("an unknown frame type", { raw(7, 1, []) }),
    ("a heartbeat on a channel", { raw(8, 1, []) }),
    ("a frame without its end", { ByteBuffer(bytes: [8, 0, 0, 0, 0, 0, 0, 0]) }),
    ("an unknown method", { raw(1, 1, [0, 60, 0, 99]) }),
    ("an unknown class", { raw(1, 1, [0x7F, 0xFF, 0, 1]) }),
    ("an empty method", { raw(1, 1, []) }),
    ("a string longer than its frame", { raw(1, 0, [0, 10, 0, 60, 255, 1]) }),
  ]

  static func method(_ method: Method, _ channel: UInt16) -> ByteBuffer {
    var buffer = ByteBuffer()
    try? FrameWriter.write(method, channel: channel, to: &buffer)
    return buffer
  }

  static func raw(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(type, channel, UInt32(payload.count))
    buffer.writeBytes(payload)
    buffer.writeInteger(Frame.end)
    return buffer
  }

  static func delivery(_ tag: String, _ number: UInt64) -> ByteBuffer {
    var buffer = method(
      .basicDeliver(.init(consumerTag: tag, deliveryTag: number, redelivered: false, exchange: "", routingKey: "")), 1)
    try? FrameWriter.writeHeader(AMQPProperties(), bodySize: 0, channel: 1, to: &buffer)
    return buffer
  }

  static func hugeBody(_ size: UInt64) -> ByteBuffer {
    var buffer = method(.basicReturn(replyCode: 312, replyText: "", exchange: "", routingKey: ""), 1)
    var payload = ByteBuffer()
    payload.writeMultipleIntegers(UInt16(60), UInt16(0), size, UInt16(0))
    buffer.writeImmutableBuffer(raw(2, 1, Array(buffer: payload)))
    return buffer
  }

  static func overrun() -> ByteBuffer {
    var buffer = hugeBody(2)
    buffer.writeImmutableBuffer(raw(3, 1, [1, 2, 3]))
    return buffer
  }

  @Test("A waiting publish ends as unknown, and the connection with a reason", arguments: attacks.indices)
  func attack(_ index: Int) async throws {
    let attack = Self.attacks[index]
    let bytes = attack.bytes()
    let error = try await error(
      { peer, frame in
        guard case .body = frame else { return false }
        peer.send(bytes)
        return true
      },
      during: { connection in
        let channel = try await connection.openChannel()
        try await channel.publish(AMQPMessage(routingKey: "k", body: "x"))
      })
    #expect(error?.code == .unknownOutcome, "\(attack.name)")
    #expect((error?.underlying as? AMQPError)?.code == .protocolViolation, "\(attack.name)")
  }

  @Test("A good stream, cut at every offset, leaves no task waiting")
  func cutEverywhere() async throws {
    var stream = ByteBuffer()
    stream.writeImmutableBuffer(Self.method(.basicAck(deliveryTag: 1, multiple: false), 1))
    stream.writeImmutableBuffer(Self.delivery("c", 1))
    stream.writeImmutableBuffer(Self.hugeBody(3))
    stream.writeImmutableBuffer(Self.raw(3, 1, [1, 2, 3]))
    stream.writeImmutableBuffer(Self.method(.basicCancel(consumerTag: "c", noWait: false), 1))
    let whole = stream
    for offset in 0..<whole.readableBytes {
      let piece = whole.getSlice(at: 0, length: offset) ?? ByteBuffer()
      _ = try await error(
        { peer, frame in
          guard case .body = frame else { return false }
          peer.channel.writeAndFlush(piece).whenComplete { _ in peer.hangUp() }
          return true
        },
        during: { connection in
          let channel = try await connection.openChannel()
          let deliveries = try await channel.consume("q", options: .init(consumerTag: "c"))
          async let published: Void = channel.publish(AMQPMessage(routingKey: "k", body: "x"))
          _ = try? await published
          for try await delivery in deliveries { delivery.ack() }
        })
    }
  }

  @Test("A silent broker is found dead by its missing heartbeats")
  func heartbeats() async throws {
    let error = try await error(
      { peer, frame in
        if case .method(0, .connectionStartOk) = frame { peer.tune.heartbeat = 1 }
        return false
      },
      during: { connection in
        let channel = try await connection.openChannel()
        for try await _ in try await channel.consume("q") {}
      })
    #expect(error?.code == .heartbeatTimeout)
  }

  @Test("A request without an answer ends in its time, and the late answer does no harm")
  func lateAnswer() async throws {
    try await within {
      try await FakeBroker.run({ _, frame in
        if case .method(_, .queuePurge) = frame { true } else { false }
      }) { broker in
        var configuration = broker.configuration
        configuration.replyTimeout = .seconds(5)
        try await AMQPConnection.withConnection(configuration) { connection in
          let channel = try await connection.openChannel()
          let error = await amqpError { _ = try await channel.purgeQueue("q") }
          #expect(error?.code == .replyTimeout)
          async let info = channel.queueInfo("other")
          try await broker.withPeer { $0.send(.queuePurgeOk(messages: 1), on: 1) }
          #expect(try await info.name == "other")
        }
      }
    }
  }
}
