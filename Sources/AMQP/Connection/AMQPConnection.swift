import CoreMetrics
import Logging
public import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// A connection to RabbitMQ that comes back when it is lost.
///
/// The connection works while its ``run()`` does: give it to a `ServiceGroup`, or use ``withConnection(_:on:isolation:_:)``,
/// which runs it for the time of a closure.
///
/// ```swift
/// try await AMQPConnection.withConnection(try AMQPConfiguration(uri: "amqp://localhost")) { connection in
///   try await connection.withChannel { channel in
///     try await channel.declareQueue("greetings")
///     try await channel.publish(AMQPMessage(routingKey: "greetings", body: "hello"))
///   }
/// }
/// ```
///
/// The connection is an actor on its event loop: numbering a message, noting who waits for its confirm and writing its bytes
/// are one step that nothing comes between.
public final actor AMQPConnection: Service {
  /// What the connection was made with.
  public nonisolated let configuration: AMQPConfiguration

  /// Runs tasks where the connection works. What they publish and settle wakes no other thread, which is most of what a
  /// message costs: about a fifth to two fifths less processor time than from anywhere else.
  ///
  /// ```swift
  /// try await withTaskExecutorPreference(connection.executor) {
  ///   for try await delivery in deliveries { delivery.ack() }
  /// }
  /// ```
  ///
  /// It is one thread, and the connection's own: what runs there must neither block nor compute for long, or confirms and
  /// heartbeats wait. It is for those who pass messages on; handlers that do real work belong elsewhere. Child tasks follow
  /// the preference. The event loop group must outlive the tasks as well.
  public nonisolated let executor: any TaskExecutor

  nonisolated let eventLoop: any EventLoop
  nonisolated let mailbox = Mailbox()
  nonisolated let stateBox = StateBox()
  nonisolated let logger: Logger
  nonisolated let metrics: AMQPMetrics

  /// The socket of now, if there is one.
  var link: Link?
  /// Every channel that is not closed, by its handle's number.
  var cores: [Int: ChannelCore] = [:]
  var nextCoreID = 0
  var hasRun = false
  var isClosing = false
  /// Ends the pause between two attempts.
  var pause: (timer: Scheduled<Void>, done: CheckedContinuation<Void, Never>)?
  /// Ends the wait for something of others while the connection is being opened.
  var interruption: (() -> Void)?
  /// What the broker ended the connection over.
  var leftOut = LeftOut()
  /// Why the last attempt to open the connection failed.
  var lastFailure: AMQPError?
  /// The secrets that were given in place of the configured password.
  var secrets = SecretMachine()
  /// Memory for the mailbox's contents.
  var spare = Mailbox.Contents()
  /// Unchecked, as nothing that is called while it changes comes back here, and it changes with each message.
  @exclusivity(unchecked) var completions = Completions()
  var touchedConsumers: [ConsumerCore] = []
  var coresToPump: [ChannelCore] = []
  var settleTimer: Scheduled<Void>?
  var lastServerProperties = AMQPTable()
  /// Tasks that wait for the end.
  var closeWaiters: [CheckedContinuation<Void, Never>] = []

  /// The event loop.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

  /// A connection that opens once ``run()`` is called.
  ///
  /// - Parameters:
  ///   - configuration: What to connect to and how.
  ///   - group: Where the connection's event loop comes from. It must outlive the connection.
  public init(
    _ configuration: AMQPConfiguration, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) {
    self.configuration = configuration
    eventLoop = group.next()
    executor = ConnectionExecutor(eventLoop)
    var logger = configuration.logger
    if let name = configuration.name { logger[metadataKey: "amqp.connection"] = .string(name) }
    self.logger = logger
    metrics = AMQPMetrics(
      connection: configuration.name ?? "", factory: configuration.metricsFactory ?? MetricsSystem.factory)
    let eventLoop = eventLoop
    mailbox.wake = { [weak self] in
      guard let self else { return }
      eventLoop.execute { self.assumeIsolated { $0.emptyMailbox() } }
    }
  }

  // MARK: State

  /// What the connection is doing.
  public nonisolated var state: AMQPConnectionState { stateBox.state }

  /// What the connection is doing now, and every change after that. It ends after a final state. A slow reader gets the
  /// newest 16 changes.
  public nonisolated func states() -> AsyncStream<AMQPConnectionState> { stateBox.follow() }

  /// Returns once the connection is open (or open and blocked).
  ///
  /// - throws: ``AMQPError``: the reason for which the connection ended instead, or `cancelled`.
  public nonisolated func waitUntilOpen() async throws(AMQPError) {
    for await state in states() {
      switch state {
      case .open, .blocked: return
      case .failed(let error): throw error
      case .closed: throw AMQPError(.connectionClosed, "The connection was closed before it was open.")
      case .idle, .connecting, .recovering: continue
      }
    }
    throw AMQPError(.cancelled, "The task was cancelled while it waited for the connection.")
  }

  /// What the broker said about itself, such as `version`. Empty before the first connection.
  public var serverProperties: AMQPTable { lastServerProperties }

  // MARK: Scope

  /// Opens a connection, runs `body` with it, and closes it.
  ///
  /// - throws: What `body` throws, or the ``AMQPError`` for which the connection could not be opened.
  public static func withConnection<R>(
    _ configuration: AMQPConfiguration, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    isolation: isolated (any Actor)? = #isolation, _ body: (AMQPConnection) async throws -> R
  ) async throws -> R {
    let connection = AMQPConnection(configuration, on: group)
    async let running: Void = connection.run()
    do {
      try await connection.waitUntilOpen()
      let result = try await body(connection)
      await connection.close()
      try await running
      return result
    } catch {
      await connection.close()
      try? await running
      throw error
    }
  }

  /// Closes the connection in good order: no new publishes, the confirms that are due (for at most `closeTimeout`), the
  /// acknowledgements that were given, connection.close. Returns when it is closed, also in a task that was cancelled.
  /// Closing twice is closing once.
  public func close() async {
    beginClose()
    if state.isFinal { return }
    await withCheckedContinuation { closeWaiters.append($0) }
  }

  /// The reason why nothing can happen any more.
  var finalError: AMQPError? {
    switch state {
    case .closed: AMQPError(.connectionClosed, "The connection was closed.")
    case .failed(let error): error
    default: nil
    }
  }
}
