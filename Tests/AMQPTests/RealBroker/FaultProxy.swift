import NIOCore
import NIOPosix
import Synchronization

@testable import AMQP

/// Stands between a client and a broker and does to the bytes what networks do.
final class FaultProxy: Sendable {
  struct Behaviour: Sendable {
    /// The first connection ends after so many bytes from the broker.
    var cutAfterBytesFromBroker: Int?
    /// The first connection ends after so many bytes from the client.
    var cutAfterBytesFromClient: Int?
    /// Every byte travels alone.
    var oneByteAtATime = false
    /// Sees all that passes, in order: each pair of sockets lives on one event loop.
    var onBytes: (@Sendable (_ fromBroker: Bool, ByteBuffer) -> Void)?
  }

  let port: Int
  private let listener: any Channel
  private let pairs: Pairs

  private final class Pairs: Sendable {
    let channels = Mutex<[any Channel]>([])
    let accepted = Mutex(0)
    let isStalled = Mutex(false)
    let isHalfOpen = Mutex(false)
  }

  private init(port: Int, listener: any Channel, pairs: Pairs) {
    self.port = port
    self.listener = listener
    self.pairs = pairs
  }

  var accepted: Int { pairs.accepted.withLock { $0 } }

  static func run<R>(
    to endpoint: AMQPConfiguration.Endpoint, _ behaviour: Behaviour = Behaviour(),
    isolation: isolated (any Actor)? = #isolation, _ body: (FaultProxy) async throws -> R
  ) async throws -> R {
    let pairs = Pairs()
    let group = MultiThreadedEventLoopGroup.singleton
    let listener = try await ServerBootstrap(group: group)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { client in
        let index = pairs.accepted.withLock { count in
          defer { count += 1 }
          return count
        }
        let isFirst = index == 0
        return ClientBootstrap(group: client.eventLoop)
          .channelOption(.autoRead, value: false)
          .connect(host: endpoint.host, port: endpoint.port)
          .flatMapThrowing { broker in
            pairs.channels.withLock { $0 += [client, broker] }
            try client.pipeline.syncOperations.addHandler(
              Pipe(to: broker, fromBroker: false, behaviour, isFirst, pairs))
            try broker.pipeline.syncOperations.addHandler(
              Pipe(to: client, fromBroker: true, behaviour, isFirst, pairs))
            try client.syncOptions?.setOption(.autoRead, value: true)
            try broker.syncOptions?.setOption(.autoRead, value: true)
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let proxy = FaultProxy(port: listener.localAddress?.port ?? 0, listener: listener, pairs: pairs)
    do {
      let result = try await body(proxy)
      await proxy.stop()
      return result
    } catch {
      await proxy.stop()
      throw error
    }
  }

  private func stop() async {
    try? await listener.close().get()
    await reset()
  }

  /// Ends every connection.
  func reset() async {
    let channels = pairs.channels.withLock { channels in
      defer { channels = [] }
      return channels
    }
    for channel in channels { try? await channel.close().get() }
  }

  /// Ends the clients' sockets only: the broker still believes that its own are alive.
  func dropClientSides() async {
    pairs.isHalfOpen.withLock { $0 = true }
    let channels = pairs.channels.withLock { $0 }
    for index in stride(from: 0, to: channels.count, by: 2) { try? await channels[index].close().get() }
    pairs.isHalfOpen.withLock { $0 = false }
  }

  /// Nothing passes any more on any connection, but all stay open.
  func stall() { pairs.isStalled.withLock { $0 = true } }
  /// New bytes pass again; what was swallowed is lost.
  func resume() { pairs.isStalled.withLock { $0 = false } }

  private final class Pipe: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    let other: any Channel
    let fromBroker: Bool
    let behaviour: Behaviour
    var limit: Int?
    let pairs: Pairs

    init(to other: any Channel, fromBroker: Bool, _ behaviour: Behaviour, _ isFirst: Bool, _ pairs: Pairs) {
      self.other = other
      self.fromBroker = fromBroker
      self.behaviour = behaviour
      if isFirst { limit = fromBroker ? behaviour.cutAfterBytesFromBroker : behaviour.cutAfterBytesFromClient }
      self.pairs = pairs
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes = unwrapInboundIn(data)
      if pairs.isStalled.withLock({ $0 }) { return }
      behaviour.onBytes?(fromBroker, bytes)
      if let left = limit {
        limit = left - bytes.readableBytes
        if left <= bytes.readableBytes {
          let channel = context.channel
          let last = bytes.readSlice(length: max(0, left)) ?? ByteBuffer()
          other.writeAndFlush(last).whenComplete { _ in
            self.other.close(promise: nil)
            channel.close(promise: nil)
          }
          return
        }
      }
      guard behaviour.oneByteAtATime else { return other.writeAndFlush(bytes, promise: nil) }
      while let byte = bytes.readSlice(length: 1) { other.writeAndFlush(byte, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      if !fromBroker, pairs.isHalfOpen.withLock({ $0 }) { return }
      other.close(promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
