internal import CoreMetrics
public import Foundation
public import Hummingbird
public import Logging
public import ServiceLifecycle
internal import UnixSignals
public import Warren
internal import WarrenConnect

/// One process of an example system: broker, gauges, worker and HTTP server under one roof that SIGTERM drains.
public struct ExampleSystem {
  /// What a system's processes are called, and where they listen unless they are told.
  public struct Defaults: Sendable {
    /// The system's name.
    public var name: String
    /// The API's port.
    public var port: UInt16
    /// The worker's port for probes.
    public var metricsPort: UInt16
    /// What is connected to once RabbitMQ is selected; its own defaults without them.
    public var rabbitMQ: RabbitMQDefaults?

    /// Defaults.
    public init(name: String, port: UInt16, metricsPort: UInt16, rabbitMQ: RabbitMQDefaults? = nil) {
      self.name = name
      self.port = port
      self.metricsPort = metricsPort
      self.rabbitMQ = rabbitMQ
    }
  }

  /// The engine.
  public let broker: any InspectableBroker
  /// The engine's name, as logs show it.
  public let engine: String
  /// Where the system keeps its files.
  public let data: URL
  /// The process's own log.
  public let logger: Logger

  private let role: Role
  private let options: SystemOptions
  private let defaults: Defaults
  private let readiness: Readiness
  private let metrics: PrometheusMetrics

  /// A process that will be `role`. Log and metrics of the process are set up, so there can be one only.
  ///
  /// - Parameter part: which part of the system it is, where the role does not say it; its log shows that.
  public init(
    _ role: Role, _ options: SystemOptions, _ defaults: Defaults, topology: Topology, part: String? = nil
  ) throws {
    let suffix = part ?? (role == .all ? nil : role.rawValue)
    let label = suffix.map { "\(defaults.name)-\($0)" } ?? defaults.name
    LoggingSystem.bootstrap(LineLogHandler.init(label:metadataProvider:), metadataProvider: .warren)
    let metrics = PrometheusMetrics()
    MetricsSystem.bootstrap(metrics)
    logger = Logger(label: label)
    let location = try options.location(of: defaults.name, defaults.rabbitMQ)
    data = options.directory(of: defaults.name)
    try DataDirectory.create(data)
    // A caller waits for the event to be stored, so it is not to wait for long.
    broker = try location.open(publishDeadline: .seconds(10), logger: logger)
    engine = location.engine
    readiness = Readiness(broker, topology, engine: engine, logger: logger)
    self.role = role
    self.options = options
    self.defaults = defaults
    self.metrics = metrics
  }

  /// Runs until SIGTERM or SIGINT. What is begun is finished first: requests, then handlers, then the broker.
  ///
  /// - Parameters:
  ///   - first: what has to succeed before anything is served; an error ends the process.
  ///   - worker: what the worker's process runs.
  ///   - beside: what runs in the API's process beside its server, such as the relay of an outbox that carries its messages to the
  ///     broker. They are stopped after the server, from the last to the first.
  ///   - routes: adds the API's routes; they are served once the topology stands.
  public func run(
    first: (@Sendable () async throws -> Void)? = nil, worker: @autoclosure () throws -> Worker,
    beside: @autoclosure () throws -> [any Service] = [],
    routes: (RouterGroup<BasicRequestContext>) -> Void
  ) async throws {
    if let first, try await !FirstStep(body: first).succeeds(logger) { return logger.info("Stopped") }
    var parts: [any Service] = []
    if role != .api { parts.append(try worker()) }
    if role != .worker { parts += try beside() }
    try await run(parts: parts, routes: routes)
  }

  /// Runs until SIGTERM or SIGINT, as ``run(first:worker:beside:routes:)`` does, what is made of other parts than those.
  ///
  /// - Parameters:
  ///   - parts: what runs once the topology stands. They are stopped from the last to the first.
  ///   - routes: adds the API's routes, which a worker does not serve.
  public func run(parts: [any Service], routes: (RouterGroup<BasicRequestContext>) -> Void) async throws {
    var services: [any Service] = [broker, BrokerGauges(broker, every: .seconds(5))]
    services.append(Declaring(readiness: readiness))
    services += parts.map { WaitingForDeclaration(readiness: readiness, next: $0) }
    if role != .worker {
      let api = server(port: options.port ?? defaults.port, option: "--port") { router in
        routes(router.group().add(middleware: ReadinessMiddleware(readiness)))
      }
      services.append(api)
    }
    if let port = options.metricsPort ?? (role == .worker ? defaults.metricsPort : nil) {
      services.append(server(port: port, option: "--metrics-port") { _ in })
    }
    var configuration = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(40)
    logger.info("Starting", metadata: ["engine": "\(broker.capabilities.engine)", "data": "\(data.path)"])
    try await ServiceGroup(configuration: configuration).run()
    logger.info("Stopped")
  }

  private func server(port: UInt16, option: String, _ add: (Router<BasicRequestContext>) -> Void) -> any Service {
    let router = Self.router()
    Probes(readiness, metrics).add(to: router)
    add(router)
    let server = Application(
      router: router,
      configuration: ApplicationConfiguration(address: .hostname(options.host, port: Int(port))),
      logger: logger)
    return ListeningService(server: server, host: options.host, port: port, option: option)
  }

  /// A router that answers every error in JSON and counts requests.
  public static func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    // Errors become answers before they are counted, so that the metrics show the status that the caller got.
    router.add(middleware: MetricsMiddleware())
    router.add(middleware: ErrorMiddleware())
    return router
  }
}
