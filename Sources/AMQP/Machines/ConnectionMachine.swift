import NIOCore

/// The life of one connection on channel 0, from the protocol header to the last close-ok. It decides; others do I/O.
struct ConnectionMachine: Sendable {
  enum Action: Sendable, Equatable {
    /// Write this method on channel 0.
    case send(Method)
    /// The connection is open with these values.
    case opened(TuneValues)
    case blocked(String)
    case unblocked
    /// The broker took a new secret.
    case secretTaken
    /// End the socket; what was written goes out first. The reason is in ``ConnectionMachine/failure``.
    case closeSocket
  }

  enum State: Sendable, Equatable { case awaitingStart, awaitingTune, awaitingOpenOk, open, closing, closed }

  /// What the machine needs to know of the configuration.
  struct Options: Sendable {
    var mechanism: AMQPCredentials.Mechanism
    var virtualHost: String
    var clientProperties: AMQPTable
    var tune: TuneValues
  }

  private(set) var state = State.awaitingStart
  private(set) var serverProperties = AMQPTable()
  /// Why the connection ended, once it did for a reason of its own.
  private(set) var failure: AMQPError?
  private let options: Options
  private var sentSecret = false

  init(_ options: Options) { self.options = options }

  /// Takes a method on channel 0.
  mutating func receive(_ method: Method) throws(WireError) -> [Action] {
    if case .connectionClose(let reason) = method { return serverCloses(reason) }
    switch (state, method) {
    case (.awaitingStart, .connectionStart(let major, let minor, let properties, let mechanisms, _)):
      return start(major, minor, properties, mechanisms)
    case (.awaitingTune, .connectionSecure):
      return fail(
        .init(.authenticationFailed, "The broker asked for a second step of \(options.mechanism.name), which has none.")
      )
    case (.awaitingTune, .connectionTune(let offer)):
      guard offer.frameMax == 0 || offer.frameMax >= Self.leastFrameMax else {
        return fail(
          .init(
            .protocolViolation,
            "The broker allows frames of \(offer.frameMax) bytes; AMQP requires \(Self.leastFrameMax). Raise its frame_max.",
            isRetryable: true))
      }
      let agreed = Self.negotiate(offer, options.tune)
      state = .awaitingOpenOk
      tune = agreed
      return [.send(.connectionTuneOk(agreed)), .send(.connectionOpen(virtualHost: options.virtualHost))]
    case (.awaitingOpenOk, .connectionOpenOk):
      state = .open
      return [.opened(tune)]
    case (.open, .connectionBlocked(let reason)): return [.blocked(reason)]
    case (.open, .connectionUnblocked): return [.unblocked]
    case (.open, .connectionUpdateSecretOk): return [.secretTaken]
    case (.closing, .connectionCloseOk):
      state = .closed
      return [.closeSocket]
    case (.closing, _), (.closed, _): return []
    default: throw .command("method (\(method.id.classID), \(method.id.methodID)) makes no sense on channel 0 now")
    }
  }

  /// The least frame that both sides must take.
  private static let leastFrameMax: UInt32 = 4096
  private(set) var tune = TuneValues(channelMax: 0, frameMax: 0, heartbeat: 0)

  private mutating func start(
    _ major: UInt8, _ minor: UInt8, _ properties: AMQPTable, _ mechanisms: String
  ) -> [Action] {
    serverProperties = properties
    guard major == 0, minor == 9 else {
      return fail(.init(.versionMismatch, "The broker speaks AMQP \(major)-\(minor), this client 0-9-1."))
    }
    let offered = mechanisms.split(separator: " ")
    guard offered.contains(where: { $0 == options.mechanism.name }) else {
      return fail(
        .init(
          .authenticationFailed,
          "The broker offers \(mechanisms), not \(options.mechanism.name). Enable it there or use other credentials."))
    }
    state = .awaitingTune
    sentSecret = true
    return [
      .send(
        .connectionStartOk(
          properties: options.clientProperties, mechanism: options.mechanism.name, response: options.mechanism.response,
          locale: "en_US"))
    ]
  }

  private mutating func fail(_ error: AMQPError) -> [Action] {
    failure = error
    state = .closed
    return [.closeSocket]
  }

  private mutating func serverCloses(_ reason: CloseReason) -> [Action] {
    if state == .closed { return [] }
    // Both sides may close at once: the answer is due all the same.
    if failure == nil, state != .closing {
      failure = Self.error(for: reason, in: state, virtualHost: options.virtualHost)
    }
    if state == .open { closeReason = reason }
    isOverChannelLimit = state == .open && reason.replyCode == 530 && reason.replyText.contains("number of channels")
    state = .closed
    return [.send(.connectionCloseOk), .closeSocket]
  }

  static func error(for reason: CloseReason, in state: State, virtualHost: String = "/") -> AMQPError {
    let code: AMQPError.Code
    let message: String
    switch (state, reason.replyCode) {
    case (.awaitingOpenOk, 530) where isLimit(reason.replyText):
      code = .handshakeFailed
      message = "The broker takes no more connections for now. Raise the limit, or wait until others end."
    case (.awaitingTune, 403):
      code = .authenticationFailed
      message =
        "The broker refused the user name or password. Check the credentials; a broker whose authentication backend is down "
        + "says the same."
    case (.awaitingOpenOk, 403), (.awaitingOpenOk, 530), (.awaitingOpenOk, 402), (.awaitingOpenOk, 404):
      code = .virtualHostRefused
      message =
        virtualHost.isEmpty
        // `amqp://host/` says that, and mostly means `amqp://host`.
        ? "The broker refused the virtual host, whose name is empty. For '/' leave out the slash at the URI's end, or write /%2F."
        : "The broker refused the virtual host. Check that it exists and that the user has permissions there."
    case (.awaitingStart, _), (.awaitingTune, _), (.awaitingOpenOk, _):
      code = .handshakeFailed
      message = "The broker ended the connection while it was being opened."
    default:
      code = .connectionClosedByServer
      message = "The broker closed the connection."
    }
    return AMQPError(code, message, replyCode: reason.replyCode, replyText: reason.replyText)
  }

  /// RabbitMQ says 530 for what is not allowed at all and for what is not allowed now, such as one connection more than a node,
  /// a virtual host or a user may have.
  private static func isLimit(_ text: String) -> Bool { text.contains("limit") || text.contains("is down") }

  /// What the broker gave as its reason to end the connection once it was open.
  private(set) var closeReason: CloseReason?

  /// Whether the broker ended the connection because a channel was one too many.
  private(set) var isOverChannelLimit = false

  /// Begins to close. Returns what to send: nothing if there is no open connection to close.
  mutating func close(_ reason: CloseReason = CloseReason(replyCode: 200, replyText: "Closed by the client"))
    -> [Action]
  {
    switch state {
    case .open:
      state = .closing
      return [.send(.connectionClose(reason))]
    case .closing, .closed: return []
    case .awaitingStart, .awaitingTune, .awaitingOpenOk:
      state = .closed
      return [.closeSocket]
    }
  }

  /// Ends because the peer broke the protocol: it is told so if it can still understand.
  mutating func violated(_ error: WireError) -> [Action] {
    guard state != .closed else { return [] }
    let wasClosing = state == .closing
    let tell = state == .open
    if failure == nil { failure = violation(error) }
    state = .closed
    guard tell, !wasClosing else { return [.closeSocket] }
    let reason = CloseReason(replyCode: error.replyCode, replyText: String(error.text.prefix(200)))
    return [.send(.connectionClose(reason)), .closeSocket]
  }

  private func violation(_ error: WireError) -> AMQPError {
    guard state == .awaitingStart else { return error.asError }
    return AMQPError(
      .versionMismatch, "No AMQP 0-9-1 broker answers there: \(error.text).", replyCode: error.replyCode)
  }

  /// The socket ended. Returns why, for everybody who waits.
  mutating func socketClosed(_ underlying: (any Error)?) -> AMQPError {
    defer { state = .closed }
    if let failure { return failure }
    switch state {
    case .closing, .closed: return AMQPError(.connectionClosed, "This side closed the connection.")
    case .awaitingTune where sentSecret && underlying == nil && !saysWhenItRefuses:
      return AMQPError(
        .authenticationFailed, "The broker hung up after the credentials. They are probably wrong.", isRetryable: false)
    case .awaitingStart:
      return AMQPError(
        .handshakeFailed,
        "The connection ended before the broker said anything. Check that this is its port for AMQP, and that amqps:// is written "
          + "where that speaks TLS, and amqp:// where it does not.", underlying: underlying)
    case .awaitingTune, .awaitingOpenOk:
      return AMQPError(
        .handshakeFailed, "The connection ended while it was being opened. The broker's log may say why.",
        underlying: underlying)
    case .open: return AMQPError(.connectionLost, "The connection was lost.", underlying: underlying)
    }
  }

  /// Brokers that do not know this capability hang up instead of saying 403. From others, which RabbitMQ has been for long,
  /// it is no refusal: the node may just have been killed.
  private var saysWhenItRefuses: Bool {
    serverProperties["capabilities"]?.table?["authentication_failure_close"]?.bool == true
  }

  /// Ends for a reason that this side found, such as silence.
  mutating func abort(_ error: AMQPError) {
    if failure == nil { failure = error }
    state = .closed
  }

  /// What both sides can live with: never more than the broker offers, as it refuses that.
  static func negotiate(_ server: TuneValues, _ client: TuneValues) -> TuneValues {
    func least<T: FixedWidthInteger>(_ one: T, _ other: T) -> T {
      one == 0 ? other : other == 0 ? one : min(one, other)
    }
    return TuneValues(
      channelMax: least(server.channelMax, client.channelMax), frameMax: least(server.frameMax, client.frameMax),
      heartbeat: server.heartbeat == 0 || client.heartbeat == 0
        ? max(server.heartbeat, client.heartbeat) : min(server.heartbeat, client.heartbeat))
  }
}
