public import Foundation
public import ExampleSupport
public import Logging
public import ServiceLifecycle
internal import Synchronization
internal import UnixSignals
public import Warren
internal import WarrenConnect

/// The event bus of backstage.
///
/// ```swift
/// let bus = try BackstageBus()
/// let listener = try bus.subscribeToEvents(["post.*", "user.created"]) { event in
///   print("Received event:", event)
/// }
/// try await bus.run(with: listener)
/// ```
/// It works while it runs: a program with other services puts it into its `ServiceGroup`, before what uses it.
public final class BackstageBus: Service {
  /// What is connected to once RabbitMQ is selected, on port 5672, where the environment does not say it.
  public static let defaults = RabbitMQDefaults(host: "localhost", user: "backstage", password: "rabbitmq123")

  /// The name of the service: of its queue, and in each of its events.
  public let service: String
  /// The engine.
  public let broker: any Broker
  /// The log.
  public let logger: Logger
  private let events: EventBus
  private let notifications: EventBus
  private let isSubscribed = Mutex(false)

  /// The bus of a service, on a broker that the bus runs.
  ///
  /// - Throws: `BrokerError.Code.invalid` for a name that no queue can have.
  public init(_ broker: any Broker, service: String, logger: Logger) throws(BrokerError) {
    try Self.check(service)
    self.service = service
    self.broker = broker
    self.logger = logger
    events = EventBus(broker, Self.composer(of: service), topology: try Layout.topology(), logger: logger)
    notifications = events.on(Layout.notifications)
  }

  /// The bus of `SERVICE_NAME`, on the broker that `WARREN_BROKER`, `RABBITMQ_URL` or `RABBITMQ_HOST`, `RABBITMQ_PORT`,
  /// `RABBITMQ_USER` and `RABBITMQ_PASSWORD` name; what is missing of the latter is `localhost`, 5672, `backstage` and `rabbitmq123`.
  public convenience init(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(BrokerError) {
    guard let service = environment["SERVICE_NAME"], !service.isEmpty else {
      throw BrokerError(
        .invalid, "SERVICE_NAME is not set: name the service, such as SERVICE_NAME=audit for the queue audit.queue")
    }
    let logger = Logger(label: service)
    let address = try BrokerAddress.choose(
      option: nil, environment: environment, data: URL(filePath: "data/backstage"), defaults: Self.defaults)
    try self.init(address.open(logger: logger), service: service, logger: logger)
  }

  /// What makes the messages of a service.
  public static func composer(of service: String) -> MessageComposer {
    MessageComposer(source: service, exchange: Layout.events, codec: BackstageCodec(service: service))
  }

  /// Refuses a name that cannot be part of the names of a queue and of a file.
  public static func check(_ service: String) throws(BrokerError) {
    guard service.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/) == nil else { return }
    throw BrokerError(
      .invalid,
      "'\(service.prefix(70))' is no SERVICE_NAME: take 1 to 64 letters, digits, dots, hyphens and underscores, such as audit"
    )
  }

  /// Runs the broker until it is stopped.
  public func run() async throws { try await broker.run() }

  /// Runs the bus and what uses it until SIGTERM or SIGINT; what is handled then is finished first.
  public func run(with services: any Service...) async throws {
    try await ServiceGroup(
      services: [self] + services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
    ).run()
  }

  /// Connects, and declares the exchanges and queues of the system. Further calls do nothing.
  ///
  /// Publishing and subscribing do it by themselves. A service that calls it first knows that its bus works before it takes requests.
  ///
  /// - Throws: `BrokerError` that says what is wrong, when the broker cannot be reached or refuses.
  public func initialize() async throws(BrokerError) { try await events.applyTopology() }

  /// Publishes an event. When this returns, it is durable in every queue that wanted it.
  ///
  /// A service with data of its own publishes within its transaction instead: ``BusOutbox``.
  @discardableResult
  public func publishEvent(_ event: some EventMessage) async throws -> Receipt { try await events.publish(event) }

  /// Sends a user a notification.
  ///
  /// - Parameters:
  ///   - kind: its kind, such as `like`: it is routed as `notification.like`.
  ///   - related: what it is about.
  @discardableResult
  public func sendNotification(
    to user: Int, kind: String, title: String, message: String, related: Related? = nil
  ) async throws -> Receipt {
    try await notifications.publish(NotificationSent(to: user, kind, title, message, related))
  }

  /// Hands the events whose types match one of the patterns to the handler, from the queue `$SERVICE_NAME.queue`: each at least
  /// once, and again after growing pauses when the handler throws. Processes with the same name share the events.
  ///
  /// - Parameters:
  ///   - patterns: types of events; `*` stands for one word, `#` for any number.
  ///   - retry: when an event whose handler has thrown is handed out again.
  /// - Returns: what to run beside the bus.
  /// - Throws: `BrokerError.Code.invalid` at the second call: a service has one queue, so give all patterns at once.
  public func subscribeToEvents(
    _ patterns: [RoutingKey], retry: RetryPolicy = .standard,
    _ handler: @escaping @Sendable (Event) async throws -> Void
  ) throws(BrokerError) -> Worker {
    if patterns.isEmpty { throw BrokerError(.invalid, "no pattern is given: '#' is for all events") }
    let isSecond = isSubscribed.withLock { isSubscribed in
      defer { isSubscribed = true }
      return isSubscribed
    }
    if isSecond {
      throw BrokerError(
        .invalid,
        "'\(service)' has subscribed already, and has one queue: give all patterns in one call, and switch by event.type"
      )
    }
    return try Worker(broker, name: service, logger: logger) {
      Subscription(Layout.queue(of: service), on: Layout.events, to: patterns) {
        OnAny { message, context in try await handler(Event(message, key: context.routingKey)) }
      }
      .codec(BackstageCodec(service: service))
      .retry(retry)
    }
  }
}
