public import Logging
internal import Synchronization
public import Warren

/// Consumes queues with TutorGo's defaults: 5 messages at once, 3 retries from 2 s, dead letters to `NAME.dead`, and a message
/// is acknowledged when its handler has returned.
///
/// ```swift
/// let consumer = EventConsumer(connection, name: "notification-service")
/// try await consumer.consume {
///   consumer.subscription("notification.booking", to: "booking.created", "booking.cancelled") {
///     On(BookingCreated.self) { event, context in … }
///     On(BookingCancelled.self) { event, context in … }
///   }
/// }
/// …
/// await consumer.stopAll()
/// await connection.disconnect()
/// ```
public final class EventConsumer: Sendable {
  private let broker: any Broker
  private let settings: MessagingSettings
  private let name: String
  private let store: (any StateStore)?
  private let logger: Logger
  private let running = Mutex<[RunningServices]>([])

  /// A consumer for a service of this name.
  public convenience init(
    _ connection: MessagingConnection, name: String, logger: Logger = Logger(label: "tutorgo.consumer")
  ) {
    self.init(connection.broker, settings: connection.settings, name: name, logger: logger)
  }

  /// A consumer on this engine.
  ///
  /// - Parameter store: where it is kept which circuit breakers are open, beside an engine that cannot.
  public init(
    _ broker: any Broker, settings: MessagingSettings, name: String, store: (any StateStore)? = nil, logger: Logger
  ) {
    self.broker = broker
    self.settings = settings
    self.name = name
    self.store = store
    self.logger = logger
  }

  /// A queue bound to an exchange by these keys, and the handlers for what it receives.
  public func subscription(
    _ queue: QueueName, on exchange: Exchange? = nil, to keys: RoutingKey..., prefetch: Int = Layout.prefetch,
    retry: RetryPolicy = Layout.retry, @Subscription.Builder handlers: () -> [Subscription.Item]
  ) -> Subscription {
    Subscription(Layout.queue(queue), on: exchange ?? settings.exchange, to: keys, handlers: handlers)
      .codec(FlatCodec()).retry(retry).prefetch(prefetch)
  }

  /// A worker for a process that runs its services itself.
  public func worker(
    clock: (any BrokerClock)? = nil, @WorkerBuilder _ components: () -> [WorkerComponent]
  ) throws(BrokerError) -> Worker {
    var options = Worker.Options()
    options.clock = clock
    options.store = store
    return try Worker(broker, name: name, options: options, logger: logger, components)
  }

  /// Declares queues and begins to take messages from them, until ``stopAll()``.
  public func consume(@WorkerBuilder _ components: () -> [WorkerComponent]) async throws {
    let worker = try worker(components)
    try await broker.apply(worker.topology)
    running.withLock { $0.append(RunningServices([worker], logger)) }
  }

  /// Takes nothing more, and returns when what is handled has been acknowledged or is back in its queue.
  public func stopAll() async {
    let all = running.withLock { running in
      defer { running = [] }
      return running
    }
    await withDiscardingTaskGroup { group in
      for services in all { group.addTask { await services.stop() } }
    }
  }
}
