import NIOCore
import NIOPosix
import Synchronization

@testable import AMQP

/// A broker in this process that a test can teach bad manners.
///
/// It answers like a well-behaved broker unless the test's `script` takes the frame first.
final class FakeBroker: Sendable {
  /// One accepted connection. Everything about it happens on its event loop.
  final class Peer: @unchecked Sendable {
    let channel: any Channel
    /// Which connection of the broker's life this is, from 0.
    let index: Int
    var published: [UInt16: UInt64] = [:]
    var pending: (channel: UInt16, method: Method)?
    var decoder = FrameDecoder()
    var headerBytes = 8
    var tune = TuneValues(channelMax: 2047, frameMax: 131_072, heartbeat: 60)

    init(_ channel: any Channel, _ index: Int) {
      self.channel = channel
      self.index = index
    }

    func send(_ method: Method, on number: UInt16 = 0) {
      var buffer = ByteBuffer()
      try? FrameWriter.write(method, channel: number, to: &buffer)
      send(buffer)
    }

    func send(_ method: Method, _ properties: AMQPProperties, _ body: String, on number: UInt16) {
      var buffer = ByteBuffer()
      try? FrameWriter.write(method, channel: number, to: &buffer)
      try? FrameWriter.writeHeader(properties, bodySize: body.utf8.count, channel: number, to: &buffer)
      FrameWriter.writeBody(ByteBuffer(string: body), channel: number, frameMax: 131_072, to: &buffer)
      send(buffer)
    }

    func send(_ bytes: [UInt8]) { send(ByteBuffer(bytes: bytes)) }
    func send(_ buffer: ByteBuffer) { channel.writeAndFlush(buffer, promise: nil) }
    func hangUp() { channel.close(promise: nil) }
  }

  /// Sees each frame before the broker does. Returns true if it dealt with it.
  typealias Script = @Sendable (Peer, Frame) -> Bool

  let port: Int
  private let listener: any Channel
  private let seen: Seen

  private final class Seen: Sendable {
    let frames = Mutex<[(peer: Int, frame: Frame)]>([])
    let peers = Mutex<[Peer]>([])

    func add(_ frame: Frame, of peer: Int) { frames.withLock { $0.append((peer, frame)) } }
  }

  /// Everything that the broker was sent, in order.
  var frames: [Frame] { seen.frames.withLock { $0.map(\.frame) } }
  var methods: [Method] { frames.compactMap { if case .method(_, let method) = $0 { method } else { nil } } }
  /// How many connections were accepted.
  var connections: Int { seen.peers.withLock { $0.count } }

  private init(port: Int, listener: any Channel, seen: Seen) {
    self.port = port
    self.listener = listener
    self.seen = seen
  }

  /// Starts a broker, runs `body`, stops the broker.
  static func run<R>(
    _ script: @escaping Script = { _, _ in false }, onAccept: @escaping @Sendable (Peer) -> Bool = { _ in true },
    isolation: isolated (any Actor)? = #isolation, _ body: (FakeBroker) async throws -> R
  ) async throws -> R {
    let seen = Seen()
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let peer = seen.peers.withLock { peers in
            let peer = Peer(channel, peers.count)
            peers.append(peer)
            return peer
          }
          try channel.pipeline.syncOperations.addHandler(Handler(peer, seen, script, onAccept))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let broker = FakeBroker(port: listener.localAddress?.port ?? 0, listener: listener, seen: seen)
    do {
      let result = try await body(broker)
      await broker.stop()
      return result
    } catch {
      await broker.stop()
      throw error
    }
  }

  private func stop() async {
    try? await listener.close().get()
    for peer in seen.peers.withLock({ $0 }) { try? await peer.channel.close().get() }
  }

  /// Waits until what was sent fulfils `condition`, or the task is cancelled.
  func wait(until condition: @escaping @Sendable ([Frame]) -> Bool) async {
    await eventually { condition(frames) }
  }

  /// Does something with the newest connection, on its event loop.
  func withPeer(_ body: @escaping @Sendable (Peer) -> Void) async throws {
    guard let peer = seen.peers.withLock({ $0.last }) else { return }
    try await peer.channel.eventLoop.submit { body(peer) }.get()
  }

  /// A configuration for this broker with short limits.
  var configuration: AMQPConfiguration {
    var configuration = AMQPConfiguration(endpoints: [.init(host: "127.0.0.1", port: port)])
    configuration.connectTimeout = .seconds(10)
    configuration.handshakeTimeout = .seconds(10)
    configuration.replyTimeout = .seconds(15)
    configuration.closeTimeout = .milliseconds(300)
    configuration.recovery.firstBound = .milliseconds(2)
    configuration.recovery.lastBound = .milliseconds(20)
    return configuration
  }

  private final class Handler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    let peer: Peer
    let seen: Seen
    let script: Script
    let onAccept: @Sendable (Peer) -> Bool
    var answers = true

    init(_ peer: Peer, _ seen: Seen, _ script: @escaping Script, _ onAccept: @escaping @Sendable (Peer) -> Bool) {
      self.peer = peer
      self.seen = seen
      self.script = script
      self.onAccept = onAccept
    }

    func channelActive(context: ChannelHandlerContext) { answers = onAccept(peer) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes = unwrapInboundIn(data)
      if peer.headerBytes > 0 {
        let count = min(peer.headerBytes, bytes.readableBytes)
        bytes.moveReaderIndex(forwardBy: count)
        peer.headerBytes -= count
        if peer.headerBytes == 0 {
          peer.decoder.frameMax = 1 << 20
          if answers { peer.send(FakeBroker.start) }
        }
      }
      peer.decoder.append(bytes)
      while let frame = try? peer.decoder.next() {
        seen.add(frame, of: peer.index)
        if !script(peer, frame) { FakeBroker.answer(peer, frame) }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  static let start = Method.connectionStart(
    versionMajor: 0, versionMinor: 9, properties: ["version": "9.9.9", "product": "Fake"], mechanisms: "PLAIN EXTERNAL",
    locales: "en_US")

  /// What a well-behaved broker answers.
  static func answer(_ peer: Peer, _ frame: Frame) {
    switch frame {
    case .method(0, let method): answerConnection(peer, method)
    case .method(let number, let method): answerChannel(peer, number, method)
    case .header(let number, let size, _): if size == 0 { confirm(peer, number) }
    case .body(let number, _): confirm(peer, number)
    case .unreadableHeader, .heartbeat: break
    }
  }

  private static func confirm(_ peer: Peer, _ number: UInt16) {
    peer.published[number, default: 0] += 1
    peer.send(.basicAck(deliveryTag: peer.published[number] ?? 0, multiple: false), on: number)
  }

  private static func answerConnection(_ peer: Peer, _ method: Method) {
    switch method {
    case .connectionStartOk: peer.send(.connectionTune(peer.tune))
    case .connectionOpen: peer.send(.connectionOpenOk)
    case .connectionClose: peer.send(.connectionCloseOk)
    case .connectionCloseOk: peer.hangUp()
    default: break
    }
  }

  private static func answerChannel(_ peer: Peer, _ number: UInt16, _ method: Method) {
    switch method {
    case .channelOpen: peer.send(.channelOpenOk, on: number)
    case .channelClose: peer.send(.channelCloseOk, on: number)
    case .confirmSelect:
      peer.published[number] = 0
      peer.send(.confirmSelectOk, on: number)
    case .basicQos: peer.send(.basicQosOk, on: number)
    case .basicConsume(let consume): peer.send(.basicConsumeOk(consumerTag: consume.consumerTag), on: number)
    case .basicCancel(let tag, _): peer.send(.basicCancelOk(consumerTag: tag), on: number)
    case .basicGet: peer.send(.basicGetEmpty, on: number)
    case .exchangeDeclare: peer.send(.exchangeDeclareOk, on: number)
    case .exchangeBind: peer.send(.exchangeBindOk, on: number)
    case .queueDeclare(let declare):
      peer.send(.queueDeclareOk(queue: declare.queue, messages: 0, consumers: 0), on: number)
    case .queueBind: peer.send(.queueBindOk, on: number)
    case .queuePurge: peer.send(.queuePurgeOk(messages: 0), on: number)
    case .queueDelete: peer.send(.queueDeleteOk(messages: 0), on: number)
    default: break
    }
  }
}
