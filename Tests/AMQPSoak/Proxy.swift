import NIOCore
import NIOPosix
import Synchronization

/// Stands between the client and the broker, and cuts what passes.
final class Proxy: Sendable {
  /// How connections end.
  enum Cut: CaseIterable {
    /// Both sides at once.
    case both
    /// The client's side only: the broker still believes in its own.
    case client
    /// The broker's side only.
    case broker
    /// First nothing passes for a second, then both sides end.
    case stall
  }

  let port: Int
  private let pairs: Pairs

  private final class Pairs: Sendable {
    let open = Mutex<[ObjectIdentifier: (client: any Channel, broker: any Channel)]>([:])
    /// Clients whose brokers are not to be told of their end.
    let halfOpen = Mutex<Set<ObjectIdentifier>>([])
    let isStalled = Atomic(false)
  }

  private init(port: Int, pairs: Pairs) {
    self.port = port
    self.pairs = pairs
  }

  static func start(to host: String, _ port: Int) async throws -> Proxy {
    let pairs = Pairs()
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { client in
        ClientBootstrap(group: client.eventLoop)
          .channelOption(.autoRead, value: false)
          .connect(host: host, port: port)
          .flatMapThrowing { broker in
            let id = ObjectIdentifier(client)
            pairs.open.withLock { $0[id] = (client, broker) }
            client.closeFuture.whenComplete { _ in
              pairs.open.withLock { _ = $0.removeValue(forKey: id) }
              pairs.halfOpen.withLock { _ = $0.remove(id) }
            }
            try client.pipeline.syncOperations.addHandler(Pipe(to: broker, pairs))
            try broker.pipeline.syncOperations.addHandler(Pipe(to: client, pairs))
            try client.syncOptions?.setOption(.autoRead, value: true)
            try broker.syncOptions?.setOption(.autoRead, value: true)
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return Proxy(port: listener.localAddress?.port ?? 0, pairs: pairs)
  }

  /// Ends all connections.
  func cut(_ how: Cut) async {
    if how == .stall {
      pairs.isStalled.store(true, ordering: .relaxed)
      try? await Task.sleep(for: .seconds(1))
      pairs.isStalled.store(false, ordering: .relaxed)
    }
    for (client, broker) in pairs.open.withLock({ Array($0.values) }) {
      if how == .client { pairs.halfOpen.withLock { _ = $0.insert(ObjectIdentifier(client)) } }
      if how != .broker { client.close(promise: nil) }
      // A broker that is not told finds out by its heartbeat; until then it keeps what was unsettled.
      if how != .client { broker.close(promise: nil) }
    }
  }

  private final class Pipe: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let pairs: Pairs

    init(to other: any Channel, _ pairs: Pairs) {
      self.other = other
      self.pairs = pairs
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      // What is swallowed is lost: the connection is cut soon after.
      if pairs.isStalled.load(ordering: .relaxed) { return }
      other.writeAndFlush(unwrapInboundIn(data), promise: nil)
      updateReading(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { updateOther(context) }

    /// A side that takes nothing holds the other one back, as a network does.
    private func updateReading(_ context: ChannelHandlerContext) {
      if !other.isWritable { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
    }

    private func updateOther(_ context: ChannelHandlerContext) {
      if context.channel.isWritable { try? other.syncOptions?.setOption(.autoRead, value: true) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      if pairs.halfOpen.withLock({ $0.contains(ObjectIdentifier(context.channel)) }) { return }
      other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
