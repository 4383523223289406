internal import ArgumentParser
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals
internal import Warren
internal import WarrenConnect
internal import WarrenDashboard
internal import WarrenOperations

struct DashboardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard", abstract: "Serves the dashboard: queues, dead letters, failures, workers, topology.",
    discussion: """
      Without a password it listens on this machine only. With the variable WARREN_DASHBOARD_PASSWORD it asks for that, \
      with any user name, which the audit then shows; put HTTPS before it where it leaves the machine. --as viewer lets \
      people look and change nothing.
      """)
  @OptionGroup var options: GlobalOptions
  @Option(help: ArgumentHelp("The port; 0 for any that is free.", valueName: "port")) var port: UInt16 = 7072
  @Option(help: ArgumentHelp("The address to listen on.", valueName: "address")) var host = "127.0.0.1"
  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("What people may do: observer, viewer, operator or admin.", valueName: "role"))
  var role = RoleArgument(.admin)
  @Option(help: ArgumentHelp("What is operated; the title of the pages.", valueName: "text")) var title = "Warren"
  @Option(help: ArgumentHelp("Where that is, such as staging; production is shown in red.", valueName: "text"))
  var environment: String?
  @OptionGroup var store: StoreOption
  @Option(
    help: ArgumentHelp(
      "The application's outbox, to show it, too: sqlite:PATH of its database (default: $WARREN_OUTBOX).",
      valueName: "url"),
    completion: .file())
  var outbox: String?

  func run() async throws {
    let password = ProcessInfo.processInfo.environment["WARREN_DASHBOARD_PASSWORD"].flatMap { $0.isEmpty ? nil : $0 }
    let configuration = DashboardServer.Configuration(host: host, port: Int(port), role: role.role, password: password)
    let look = Dashboard.Configuration(title: title, environment: environment)
    let outbox = try (outbox ?? ProcessInfo.processInfo.environment["WARREN_OUTBOX"].flatMap { $0.isEmpty ? nil : $0 })
      .map { try BrokerAddress($0).openOutbox() }
    try await options.withOperations(store: try store.open(), outbox: outbox) { operations in
      var logger = Logger(label: "warren.dashboard", factory: { StreamLogHandler.standardError(label: $0) })
      logger.logLevel = .notice
      let server = try DashboardServer(
        Dashboard(operations, look, logger: logger), configuration, logger: logger
      ) {
        StandardError.print(
          "the dashboard is at http://\(host.contains(":") ? "[\(host)]" : host):\($0)/ – Ctrl-C ends it")
      }
      let group = ServiceGroup(
        configuration: .init(services: [server], gracefulShutdownSignals: [.sigint, .sigterm], logger: logger))
      do { try await group.run() } catch let error as DashboardServer.ListeningError {
        throw CommandError(
          .failure, error.description,
          next: error.code == EADDRNOTAVAIL
            ? "name one of this machine's with --host" : "choose another with --port")
      }
    }
  }
}

/// A role of the dashboard as an argument.
struct RoleArgument: ExpressibleByArgument {
  let role: Dashboard.Role
  init(_ role: Dashboard.Role) { self.role = role }
  init?(argument: String) {
    guard let role = Dashboard.Role(rawValue: argument) else { return nil }
    self.role = role
  }
  var defaultValueDescription: String { role.rawValue }
  static var allValueStrings: [String] { Dashboard.Role.allCases.map(\.rawValue) }
}
