public import Hummingbird
public import Logging
public import ServiceLifecycle
public import Warren
public import WarrenOperations

/// Pages on which people see what a broker does and put it right: queues, dead letters, failures, workers, topology.
///
/// It is mounted in any Hummingbird router, under any prefix, and the application decides who may see it:
///
/// ```swift
/// Dashboard(broker).addRoutes(to: router, at: "/admin/queues") { request, context in
///   guard let user = try await users.user(of: request) else { return .unknown }  // 401
///   return user.isAdministrator ? .admitted(.init(name: user.email, role: .admin)) : .refused  // 403
/// }
/// ```
///
/// The pages need no script, no other service and no build: one style sheet and one script of ours, both served from here.
///
/// As a service it also takes a sample of the queues once a minute, from which the lines on its pages are drawn, and goes on with bulk
/// operations that were begun on its pages and whose process has died; run it beside the broker. One that is not run does what its pages begin, for as long as its process lives, and leaves what was broken off to a
/// person or to another dashboard.
public struct Dashboard: Service {
  var desk: Desk
  let logger: Logger

  /// How a dashboard looks.
  public struct Configuration: Sendable {
    /// What is operated, such as `Bookings`; it stands in the title of each page.
    public var title: String
    /// Where that is, such as `production`, so that it is not taken for another; `nil` shows nothing.
    public var environment: String?
    /// Whether a mistake there would hurt people: then the environment is shown in red.
    public var isProduction: Bool
    /// What a browser is told when it is not let in, such as `Basic realm="queues"`, which lets it ask for a password.
    public var challenge: String?
    /// How long a page that looks through all messages is waited for; then the browser is shown how far it is, and asks again.
    /// 80 ms by default.
    public var patience: Duration = .milliseconds(80)

    /// A look; an environment whose name begins with `prod` is taken for production.
    public init(
      title: String = "Warren", environment: String? = nil, isProduction: Bool? = nil, challenge: String? = nil
    ) {
      self.title = title
      self.environment = environment
      self.isProduction = isProduction ?? (environment?.lowercased().hasPrefix("prod") == true)
      self.challenge = challenge
    }
  }

  /// A dashboard of a broker, which the application runs.
  ///
  /// - Parameters:
  ///   - auditFile: where it is written who did what, as JSON lines, with an engine that keeps no log of that, such as RabbitMQ's.
  ///   - historyFile: where what the queues did is kept for a day, with an engine that keeps none of that; beside the audit file by
  ///     default.
  ///   - store: where the scheduler keeps its schedules, if not in the broker.
  ///   - outbox: the application's outbox, where it has one.
  ///   - logger: gets errors.
  public init(
    _ broker: any Broker, _ configuration: Configuration = Configuration(), auditFile: String? = nil,
    historyFile: String? = nil, store: (any StateStore)? = nil, outbox: (any OperableOutbox)? = nil,
    logger: Logger? = nil
  ) {
    let audit = broker is any AuditLog ? nil : auditFile.map { AuditFile(path: $0) }
    let history =
      broker is any SampleStore
      ? nil : (historyFile ?? auditFile.map { $0 + ".history" }).map { SampleFile(path: $0, clock: broker.clock) }
    self.init(
      Operations(broker, store: store, audit: audit, outbox: outbox, samples: history), configuration, logger: logger)
  }

  /// A dashboard of what is operated in this way, with its mask and its audit log.
  public init(_ operations: Operations, _ configuration: Configuration = Configuration(), logger: Logger? = nil) {
    self.logger = logger ?? Logger(label: "warren.dashboard")
    desk = Desk(operations, configuration, logger: self.logger)
  }

  /// Takes samples, and goes on with bulk operations that were broken off, until the service is to stop. What it does then is left
  /// to the next one.
  public func run() async throws {
    await withTaskGroup(of: Void.self) { [desk] group in
      group.addTask { await cancelWhenGracefulShutdown { await desk.operations.takeSamples() } }
      group.addTask { await desk.background.run(desk.operations) }
    }
  }

  /// Adds all pages and actions below `path`.
  ///
  /// - Parameters:
  ///   - router: a router or a group of one; its own middleware comes first.
  ///   - path: where in this router, such as `/admin/queues`; empty: at its root.
  ///   - prefix: what links begin with, where a group or a proxy adds something to `path`; `path` by default.
  ///   - authorize: says who asks and what this person may do. What it throws is passed on.
  public func addRoutes<Context: RequestContext>(
    to router: some RouterMethods<Context>, at path: String, prefix: String? = nil,
    authorize: @escaping @Sendable (Request, Context) async throws -> Admission
  ) {
    Mount(desk: desk, prefix: prefix ?? path, logger: logger).add(to: router, at: path, authorize)
  }
}
