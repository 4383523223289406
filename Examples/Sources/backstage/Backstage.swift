internal import ArgumentParser
internal import BackstageBus
internal import ExampleSupport
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenGRDB

/// Concerts, tickets and a market for them: seven services that know each other by their events only.
@main struct Backstage: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backstage",
    abstract: "Seven services around concerts and tickets, on one event bus.",
    discussion: """
      Services: \(ServiceKind.allCases.map(\.rawValue).joined(separator: ", ")). SERVICE_NAME gives a service that runs alone another \
      name, and with it a queue and a data file of its own.

      Mails go to SMTP_URL (smtp://user:password@host:587, smtps://…), from MAIL_FROM; without it into files under the data \
      directory.
      """)

  enum Part: String, ExpressibleByArgument, CaseIterable {
    case api, worker, all, service
  }

  @Argument(
    help: "Which part of the system: api (users to market), worker (notifications to analytics), all, or one service.")
  var part = Part.all
  @Argument(help: "The service, after 'service'.")
  var name: ServiceKind?
  @OptionGroup var options: SystemOptions

  func validate() throws {
    if part == .service, name == nil {
      throw ValidationError("name a service: backstage service \(ServiceKind.users), say, or one of \(Self.names)")
    }
    if part != .service, let name {
      throw ValidationError("'\(part) \(name)' is two things: write 'service \(name)' for that service alone")
    }
  }

  private static var names: String { ServiceKind.allCases.map(\.rawValue).joined(separator: ", ") }

  func run() async throws {
    let plan = try ProcessPlan(part, name, serviceName: ProcessInfo.processInfo.environment["SERVICE_NAME"])
    let defaults = ExampleSystem.Defaults(
      name: "backstage", port: name?.port ?? 3002, metricsPort: 9002, rabbitMQ: BackstageBus.defaults)
    let role: Role = part == .api ? .api : part == .worker ? .worker : .all
    let system = try ExampleSystem(role, options, defaults, topology: try plan.topology(), part: name?.rawValue)
    let services = try plan.members.map { try Member($0, data: system.data) }
    var parts: [any Service] = []
    for service in services where plan.works.contains(service.identity.kind) {
      parts += try service.parts(on: system.broker, logger: system.logger)
    }
    try await system.run(parts: parts) { routes in
      for service in services where plan.routes.contains(service.identity.kind) { service.content.add(to: routes) }
    }
  }
}
