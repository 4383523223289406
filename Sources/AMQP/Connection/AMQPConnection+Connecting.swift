import Logging
import NIOCore
import NIOPosix
import NIOSSL

// From an endpoint to an open connection.
extension AMQPConnection {
  /// Tries every endpoint once, in random order.
  func connect() async throws(AMQPError) -> Link {
    var last: AMQPError?
    var tls: NIOSSLContext?
    if let wanted = configuration.tls { tls = try wanted.makeContext() }
    for endpoint in configuration.endpoints.shuffled() where !isClosing {
      do throws(AMQPError) { return try await connect(to: endpoint, tls) } catch {
        logger.debug("AMQP endpoint failed", metadata: ["endpoint": "\(endpoint)", "error": "\(error)"])
        // One node that cannot be trusted does not end the waiting for the others.
        if last.map(Self.canRecover) != true || Self.canRecover(from: error) { last = error }
        // A refusal by one node is a refusal by the cluster.
        if error.code == .authenticationFailed || error.code == .virtualHostRefused { throw error }
      }
    }
    throw last ?? AMQPError(.connectFailed, "There is no endpoint.")
  }

  private func connect(
    to endpoint: AMQPConfiguration.Endpoint, _ tls: NIOSSLContext?
  ) async throws(AMQPError) -> Link {
    let link = Link(eventLoop: eventLoop, machine: ConnectionMachine(wishes))
    self.link = link
    let serverName = configuration.tls.flatMap { $0.serverName ?? endpoint.host }
    link.serverName = serverName
    let limit = TimeAmount(configuration.connectTimeout)
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(limit)
      .resolver(configuration.resolver)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
      .channelInitializer { socket in
        socket.eventLoop.makeCompletedFuture {
          if let tls {
            try socket.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, serverName))
          }
          try socket.pipeline.syncOperations.addHandler(SocketHandler(connection: self, link: link))
        }
      }
    do {
      link.socket = try await bootstrap.connect(host: endpoint.host, port: endpoint.port).get()
    } catch {
      // A peer that hangs up quickly can be gone before the connect is reported.
      if link.socket != nil { throw await end(of: link) }
      let failure =
        Self.tlsError(error)
        ?? AMQPError(
          .connectFailed, "No broker answers at \(endpoint). Check that it runs and that the address is right.",
          underlying: error)
      fail(link, failure)
      throw failure
    }
    do {
      try await link.opened.futureResult.get()
      return link
    } catch {
      throw await end(of: link)
    }
  }

  private static func tlsHandler(_ context: NIOSSLContext, _ name: String?) throws -> NIOSSLClientHandler {
    // SNI is for names only; without one the peer's address is checked against the certificate.
    try NIOSSLClientHandler(context: context, serverHostname: name.flatMap { AMQPTLS.isAddress($0) ? nil : $0 })
  }

  private var wishes: ConnectionMachine.Wishes {
    ConnectionMachine.Wishes(
      mechanism: configuration.credentials.mechanism, virtualHost: configuration.virtualHost,
      clientProperties: configuration.allClientProperties,
      tune: TuneValues(
        channelMax: UInt16(clamping: configuration.channelMax), frameMax: UInt32(clamping: configuration.frameMax),
        heartbeat: UInt16(clamping: configuration.heartbeat.components.seconds)))
  }

  func end(of link: Link) async -> AMQPError {
    do { return try await link.ended.futureResult.get() } catch { return AMQPError(.connectionLost, "\(error)") }
  }

  /// Ends a socket from this side and waits until it is gone.
  func end(_ link: Link, _ error: AMQPError) async {
    guard !link.hasEnded else { return }
    abort(link, error)
    _ = await end(of: link)
  }
}
