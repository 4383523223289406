import Logging
import NIOCore
import NIOPosix
import NIOSSL

// From an endpoint to an open connection.
extension AMQPConnection {
  /// Tries every endpoint once, in random order.
  func connect() async throws(AMQPError) -> Link {
    let secret = secrets.newest
    let login = try await credentials(with: secret)
    let tls = try await makeTLS()
    var last: AMQPError?
    for endpoint in configuration.endpoints.shuffled() where !isClosing {
      do throws(AMQPError) { return try await connect(to: endpoint, tls, login, secret) } catch {
        logger.debug("AMQP endpoint failed", metadata: ["endpoint": "\(endpoint)", "error": "\(error)"])
        // A node that refuses, because it is full or its authentication backend is down, speaks for itself. What passes is
        // waited for, whatever other nodes say.
        if last.map(\.needsCorrection) != false { last = error }
      }
    }
    throw last ?? AMQPError(.connectionClosed, "The connection was closed while it was being opened.")
  }

  /// Reads the files and makes the context: on a thread for what blocks.
  private func makeTLS() async throws(AMQPError) -> NIOSSLContext? {
    guard let tls = configuration.tls else { return nil }
    let made = try? await interruptible { await tls.contextMadeElsewhere() }
    guard let made else {
      throw AMQPError(.connectionClosed, "The connection was closed while it was being opened.")
    }
    return try made.get()
  }

  private func connect(
    to endpoint: AMQPConfiguration.Endpoint, _ tls: NIOSSLContext?, _ login: AMQPCredentialsProvider.Answer,
    _ secret: SecretMachine.Secret?
  ) async throws(AMQPError) -> Link {
    let link = Link(eventLoop: eventLoop, machine: ConnectionMachine(options(login.credentials)))
    self.link = link
    link.validFor = login.validFor
    secrets.connects(with: secret)
    let serverName = configuration.tls.flatMap { $0.serverName ?? endpoint.host }
    link.serverName = serverName
    let limit = TimeAmount(configuration.connectTimeout)
    let attempt = ClientBootstrap(group: eventLoop)
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
      .connect(host: endpoint.host, port: endpoint.port)
    do {
      link.socket = try await untilEnd(of: link, attempt)
    } catch {
      // It was closed meanwhile, or a peer that hangs up quickly was gone before the connect was reported.
      if link.hasEnded || link.socket != nil { throw await end(of: link) }
      let failure =
        Self.tlsError(error)
        ?? AMQPError(
          .connectFailed,
          "No broker answers at \(endpoint): \(ConnectFailure.words(error)). Check that it runs and that the address is right.",
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

  /// Waits for a socket, but no longer than the link lives: names are looked up and connections attempted without a way to
  /// interrupt that. A socket that opens afterwards is closed.
  private func untilEnd(
    of link: Link, _ attempt: EventLoopFuture<any Channel>
  ) async throws -> any Channel {
    let socket = eventLoop.makePromise(of: (any Channel).self)
    attempt.whenComplete { result in
      if link.hasEnded, case .success(let late) = result { late.close(promise: nil) }
      socket.completeWith(result)
    }
    link.ended.futureResult.whenSuccess { socket.fail($0) }
    return try await socket.futureResult.get()
  }

  private static func tlsHandler(_ context: NIOSSLContext, _ name: String?) throws -> NIOSSLClientHandler {
    // SNI is for names only; without one the peer's address is checked against the certificate.
    try NIOSSLClientHandler(context: context, serverHostname: name.flatMap { AMQPTLS.isAddress($0) ? nil : $0 })
  }

  private func options(_ credentials: AMQPCredentials) -> ConnectionMachine.Options {
    ConnectionMachine.Options(
      mechanism: credentials.mechanism, virtualHost: configuration.virtualHost,
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

  /// Runs something that may take long and cannot be interrupted. Throws when the connection is closed before it has ended, when
  /// `limit` is over, or when the task is cancelled. One such thing is done at a time.
  func interruptible<T: Sendable>(
    _ limit: Duration? = nil, _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    let promise = eventLoop.makePromise(of: T.self)
    let task = Task {
      do { promise.succeed(try await body()) } catch { promise.fail(error) }
    }
    let timer = limit.map { limit in
      eventLoop.scheduleTask(in: TimeAmount(limit)) { promise.fail(CancellationError()) }
    }
    interruption = { promise.fail(CancellationError()) }
    if isClosing { interruption?() }
    defer {
      interruption = nil
      timer?.cancel()
      task.cancel()
    }
    return try await withTaskCancellationHandler {
      try await promise.futureResult.get()
    } onCancel: {
      promise.fail(CancellationError())
    }
  }

  /// The broker ended the connection because of a channel too many: those that are being opened for the first time are not
  /// opened again, or the next connection would end as well.
  func refuseNewChannels(_ link: Link, _ reason: AMQPError) {
    let error = AMQPError(
      .noFreeChannel, "The broker allows this user no more channels. Close some, or raise the user's limit.",
      replyCode: reason.replyCode, replyText: reason.replyText)
    // Channels that were open before wait for their turn: with one too many no connection would stay.
    let opening = link.openingChannels
    leftOut.channelRefused(open: link.channelCount - opening, opening: opening, .now())
    for core in Array(link.channels.values) where core.machine.isOpening && core.ledger.generation == 0 {
      end(core, error, quietly: false)
    }
  }
}
