internal import Foundation
internal import Hummingbird
public import Logging
internal import NIOCore
public import ServiceLifecycle
public import Warren

/// A dashboard in a server of its own, for the command line and for programs without a router.
///
/// Without a password it listens on this machine only, and answers only requests that name this machine: a page of another
/// site cannot reach it by a name that it lets point here.
public struct DashboardServer: Service {
  /// Where it listens, and for whom.
  public struct Configuration: Sendable {
    /// The address of an interface, by default this machine's own.
    public var host: String
    /// The port; 0 for any that is free.
    public var port: Int
    /// What visitors may do.
    public var role: Dashboard.Role
    /// What visitors have to know, with any user name, which the audit then shows; `nil`: nothing, on this machine only.
    public var password: String?

    /// A configuration.
    public init(host: String = "127.0.0.1", port: Int = 7072, role: Dashboard.Role = .admin, password: String? = nil) {
      self.host = host
      self.port = port
      self.role = role
      self.password = password
    }

    var isLoopback: Bool { Self.loopback.contains(host) }
    static let loopback: Set<String> = ["127.0.0.1", "::1", "localhost"]
  }

  private let configuration: Configuration
  private let application: Application<RouterResponder<BasicRequestContext>>

  /// A server.
  ///
  /// - Parameter whenListening: is told the port.
  /// - Throws: ``Warren/BrokerError/Code/invalid`` when others could reach it without a password, or the password is short.
  public init(
    _ dashboard: Dashboard, _ configuration: Configuration = Configuration(), logger: Logger,
    whenListening: @escaping @Sendable (Int) async -> Void = { _ in }
  ) throws(BrokerError) {
    if configuration.password == nil, !configuration.isLoopback {
      throw BrokerError(
        .invalid,
        "without a password everyone who reaches \(configuration.host) could change what is in the broker: give a password, or listen on 127.0.0.1"
      )
    }
    if let password = configuration.password, password.utf8.count < 8 {
      throw BrokerError(.invalid, "the password of the dashboard needs 8 characters or more")
    }
    self.configuration = configuration
    application = Application(
      router: Self.router(dashboard, configuration),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: nil),
      services: [dashboard],
      onServerRunning: { channel in await whenListening(channel.localAddress?.port ?? configuration.port) },
      logger: logger)
  }

  /// Listens until the service is told to stop.
  ///
  /// - Throws: ``ListeningError`` when it cannot listen there.
  public func run() async throws {
    do { try await application.run() } catch let error as IOError {
      throw ListeningError(host: configuration.host, port: configuration.port, code: error.errnoCode)
    }
  }

  /// That a server cannot listen where it was to.
  public struct ListeningError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The address.
    public var host: String
    /// The port.
    public var port: Int
    /// Why, as the system says it: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …
    public var code: Int32
    /// What is wrong.
    public var description: String {
      switch code {
      case EADDRINUSE: "the port \(port) of \(host) is in use"
      case EACCES: "this user may not listen on the port \(port)"
      case EADDRNOTAVAIL: "\(host) is no address of this machine"
      default: "the port \(port) of \(host) cannot be listened on: \(String(cString: strerror(code)))"
      }
    }
  }

  static func router(_ dashboard: Dashboard, _ configuration: Configuration) -> Router<BasicRequestContext> {
    var dashboard = dashboard
    if configuration.password != nil, dashboard.desk.configuration.challenge == nil {
      dashboard.desk.configuration.challenge = "Basic realm=\"dashboard\", charset=\"UTF-8\""
    }
    let router = Router()
    dashboard.addRoutes(to: router, at: "") { request, _ in admission(request, configuration) }
    return router
  }

  private static func admission(_ request: Request, _ configuration: Configuration) -> Dashboard.Admission {
    guard let password = configuration.password else {
      return isThisMachine(request.head.authority)
        ? .admitted(.init(name: "this machine", role: configuration.role)) : .refused
    }
    guard let (name, given) = BasicLogin.read(request.headers[.authorization]),
      Secret.areEqual(given, password)
    else { return .unknown }
    return .admitted(.init(name: name.isEmpty ? "unnamed" : String(name.prefix(80)), role: configuration.role))
  }

  /// Whether a browser was told to come here by a name of this machine.
  package static func isThisMachine(_ authority: String?) -> Bool {
    guard let authority else { return false }
    let host = authority.hasPrefix("[") ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
    return Configuration.loopback.contains(host.lowercased())
  }
}

extension DashboardServer: CustomStringConvertible, CustomReflectable {
  /// `dashboard`.
  public var description: String { "dashboard" }
  /// Empty.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension DashboardServer.Configuration: CustomStringConvertible, CustomReflectable {
  /// Where it listens and for whom, without the password.
  public var description: String { "\(host):\(port) as \(role), \(password == nil ? "without" : "with") a password" }
  /// The same without the password.
  public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "role": role]) }
}
