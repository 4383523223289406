import Logging
import NIOCore
import Synchronization
import Testing

@testable import AMQP

/// What a real broker said in one session, said again with damages. Whatever it is: no hang, no trap, a typed error, and no task
/// is left waiting.
@Suite("Recorded streams", .enabled(if: RealBroker.isThere, RealBroker.skipped))
struct RecordedStreamTests {
  /// Everything that a broker can be asked for: each kind of answer, deliveries, a return, a cancellation, a closed channel.
  private static func session(_ connection: AMQPConnection, _ queue: String) async throws {
    let channel = try await connection.openChannel()
    try await channel.declareQueue(queue, durable: false)
    try await channel.declareExchange(queue, type: "topic", durable: false)
    try await channel.bindQueue(queue, to: queue, routingKey: "#")
    let message = AMQPMessage(
      exchange: queue, routingKey: "k",
      properties: .init(contentType: "text/plain", headers: Samples.table, messageID: "m", timestamp: 7), body: "body")
    try await channel.publish(message)
    for _ in 0..<2 { try await channel.publish(AMQPMessage(exchange: queue, routingKey: "k", body: "body")) }
    let returned = await amqpError { try await channel.publish(AMQPMessage(routingKey: queue + "-missing", body: "x")) }
    if let returned, returned.code != .unroutable { throw returned }
    try await channel.get(queue)?.ack()
    let deliveries = try await channel.consume(queue, options: .init(consumerTag: "c"))
    var iterator = deliveries.makeAsyncIterator()
    for _ in 0..<2 { try await iterator.next()?.ack() }
    try await connection.withChannel { other in
      _ = try await other.purgeQueue(queue)
      _ = try await other.deleteQueue(queue)
    }
    let cancelled = await amqpError { while try await iterator.next() != nil {} }
    if let cancelled, cancelled.code != .consumerCancelled { throw cancelled }
    try await channel.deleteExchange(queue)
    let missing = await amqpError { _ = try await channel.queueInfo(queue) }
    if let missing, missing.replyCode != 404 { throw missing }
    _ = try await channel.declareQueue("", exclusive: true)
  }

  /// The pieces of a broker's side, each with the number of frames of the client's that it answers. Those that no broker
  /// answers do not count.
  private struct Recording: Sendable {
    var pieces: [(after: Int, bytes: ByteBuffer)] = []
    var decoder = FrameDecoder()
    var counter = Counter()
    var count: Int { pieces.reduce(0) { $0 + $1.bytes.readableBytes } }

    struct Counter: Sendable {
      var frames = 0

      mutating func see(_ frame: Frame) {
        switch frame {
        case .heartbeat, .method(_, .basicAck), .method(_, .basicCancelOk), .method(_, .channelCloseOk): break
        default: frames += 1
        }
      }
    }

    mutating func see(_ fromBroker: Bool, _ bytes: ByteBuffer) {
      if fromBroker { return pieces.append((counter.frames, bytes)) }
      var bytes = bytes
      // The protocol header is no frame.
      if pieces.isEmpty { bytes.moveReaderIndex(forwardBy: FrameWriter.protocolHeader.count) }
      decoder.append(bytes)
      decoder.frameMax = 1 << 20
      while let frame = try? decoder.next() { counter.see(frame) }
    }

    /// The first so many bytes.
    func cut(_ offset: Int) -> Recording {
      var copy = self
      var left = offset
      copy.pieces = pieces.compactMap { after, bytes in
        defer { left -= bytes.readableBytes }
        return bytes.getSlice(at: 0, length: min(max(left, 0), bytes.readableBytes)).map { (after, $0) }
      }
      copy.pieces.removeAll { $0.bytes.readableBytes == 0 }
      return copy
    }

    /// With another byte at a place: one that is the same each time.
    func mutated(_ offset: Int) -> Recording {
      var copy = self
      var place = offset
      var generator = Seeded(state: UInt64(offset))
      for (index, (_, bytes)) in pieces.enumerated() {
        if let old = bytes.getInteger(at: place, as: UInt8.self) {
          copy.pieces[index].bytes.setInteger(old ^ UInt8.random(in: 1...255, using: &generator), at: place)
          break
        }
        place -= bytes.readableBytes
      }
      return copy
    }
  }

  private static func record(_ queue: String) async throws -> Recording {
    let recording = Mutex(Recording())
    var behaviour = FaultProxy.Behaviour()
    behaviour.onBytes = { fromBroker, bytes in recording.withLock { $0.see(fromBroker, bytes.slice()) } }
    let configuration = try RealBroker.configuration(name: "recorded")
    try await FaultProxy.run(to: configuration.endpoints[0], behaviour) { proxy in
      var proxied = configuration
      proxied.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
      try await AMQPConnection.withConnection(proxied) { try await session($0, queue) }
    }
    return recording.withLock { $0 }
  }

  /// Says it all again and returns what the client's session threw. A client that waits for more gets nothing: then the
  /// broker hangs up.
  private static func replay(
    _ recording: Recording, _ queue: String, patience: TimeAmount
  ) async throws -> (any Error)? {
    struct Progress {
      var counter = Recording.Counter()
      var next = 0
      var hangUp: Scheduled<Void>?
    }
    let progress = Mutex(Progress())
    @Sendable func go(_ peer: FakeBroker.Peer) {
      let bytes = progress.withLock { progress in
        var bytes = ByteBuffer()
        while progress.next < recording.pieces.count, recording.pieces[progress.next].after <= progress.counter.frames {
          bytes.writeImmutableBuffer(recording.pieces[progress.next].bytes)
          progress.next += 1
        }
        progress.hangUp?.cancel()
        let isOver = progress.next == recording.pieces.count
        progress.hangUp = peer.channel.eventLoop.scheduleTask(in: isOver ? .zero : patience) { peer.hangUp() }
        return bytes
      }
      // Sending may read, and bring the next frame here.
      peer.send(bytes)
    }
    return try await FakeBroker.run(
      { peer, frame in
        progress.withLock { $0.counter.see(frame) }
        go(peer)
        return true
      },
      onAccept: { peer in
        peer.channel.eventLoop.execute { go(peer) }
        return false
      }
    ) { broker in
      var configuration = broker.configuration
      configuration.recovery = .none
      configuration.logger = Logger(label: "replay") { _ in SwiftLogNoOpLogHandler() }
      do {
        try await AMQPConnection.withConnection(configuration) { try await session($0, queue) }
        return nil
      } catch { return error }
    }
  }

  /// Replays every variant, several at a time.
  private func replayAll(
    _ count: Int, _ queue: String, _ variant: @escaping @Sendable (Int) -> Recording,
    _ judge: @escaping @Sendable (Int, (any Error)?) -> Void
  ) async throws {
    let tasks = 32
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<tasks {
        group.addTask {
          for index in stride(from: task, to: count, by: tasks) {
            let variant = variant(index)
            judge(
              index,
              try await within(.seconds(30)) { try await Self.replay(variant, queue, patience: .milliseconds(10)) })
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("Unchanged, a recorded stream serves the same session again")
  func unchanged() async throws {
    let queue = RealBroker.name("recorded")
    let recording = try await within { try await Self.record(queue) }
    #expect(recording.count > 1000)
    #expect(try await within { try await Self.replay(recording, queue, patience: .seconds(20)) } == nil)
  }

  @Test("Cut after any byte, it ends with a typed error")
  func cut() async throws {
    let queue = RealBroker.name("recorded")
    let recording = try await within { try await Self.record(queue) }
    try await replayAll(recording.count, queue, { recording.cut($0) }) { offset, error in
      // A client that has closed does not mind how the answer ends.
      let isClosing = offset >= recording.count - 12
      #expect(error is AMQPError || isClosing && error == nil, "cut at \(offset): \(String(describing: error))")
    }
  }

  @Test("With any byte changed, it ends well or with a typed error")
  func mutated() async throws {
    let queue = RealBroker.name("recorded")
    let recording = try await within { try await Self.record(queue) }
    try await replayAll(recording.count, queue, { recording.mutated($0) }) { offset, error in
      #expect(error == nil || error is AMQPError, "changed at \(offset): \(String(describing: error))")
    }
  }
}
