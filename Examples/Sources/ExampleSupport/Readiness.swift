public import Hummingbird
public import Logging
internal import ServiceLifecycle
internal import Synchronization
public import Warren

/// Declares a system's whole topology before anything is served, and knows whether that is done.
public final class Readiness: Sendable {
  private let broker: any InspectableBroker
  private let topology: Topology
  private let engine: String
  private let logger: Logger
  private let isDeclared = Mutex(false)

  /// Declares `topology` on `broker`, whose engine is called `engine` in the log.
  public init(_ broker: any InspectableBroker, _ topology: Topology, engine: String, logger: Logger) {
    self.broker = broker
    self.topology = topology
    self.engine = engine
    self.logger = logger
  }

  /// Returns when the topology stands. While the broker is away it tries again and again; a conflict is thrown.
  public func declare() async throws {
    var pause = Duration.milliseconds(250)
    while true {
      do {
        try await broker.apply(topology)
        return isDeclared.withLock { $0 = true }
      } catch {
        guard error.isRetryable else { throw error }
        logger.error("Not connected to \(engine)", metadata: ["error": "\(error)", "next.try.in": "\(pause)"])
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(10))
      }
    }
  }

  /// Throws a 503 that says why, unless the engine can be reached and the topology stands.
  public func check() async throws {
    try checkDeclared()
    let differences: [TopologyDifference]
    do {
      differences = try await broker.differences(from: topology)
    } catch {
      throw APIError(.serviceUnavailable, "not_ready", "Not connected to \(engine): \(error)")
    }
    if let first = differences.first { throw APIError(.serviceUnavailable, "not_ready", "topology: \(first)") }
  }

  /// Returns when ``declare()`` has declared it. It happens once, at the start, so looking again is simpler than a list of those
  /// who wait.
  func declared() async throws {
    while !isDeclared.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(20)) }
  }

  func checkDeclared() throws {
    if isDeclared.withLock({ $0 }) { return }
    throw APIError(.serviceUnavailable, "not_ready", "Not connected to \(engine) yet: try again")
  }
}

/// Lets requests through once the topology stands, so that nothing is published before its queues exist.
public struct ReadinessMiddleware<Context: RequestContext>: RouterMiddleware {
  private let readiness: Readiness

  /// Asks `readiness`.
  public init(_ readiness: Readiness) { self.readiness = readiness }

  /// See `RouterMiddleware`.
  public func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    try readiness.checkDeclared()
    return try await next(request, context)
  }
}

/// Declares the topology, and is done then.
struct Declaring: Service {
  let readiness: Readiness

  func run() async throws {
    guard try await stoppable({ try await readiness.declare() }) else { return }
    try? await gracefulShutdown()
  }
}

/// Runs what needs the topology as soon as that stands.
struct WaitingForDeclaration: Service {
  let readiness: Readiness
  let next: any Service

  func run() async throws {
    guard try await stoppable({ try await readiness.declared() }) else { return }
    try await next.run()
  }
}

/// Whether `body` came to its end; `false` when the service was told to stop meanwhile.
private func stoppable(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
  do {
    try await cancelWhenGracefulShutdown(body)
    return true
  } catch is CancellationError {
    return false
  }
}
