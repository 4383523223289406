internal import Accounts
internal import ArgumentParser
internal import EventBookingAppModules
internal import EventBookingControllers
internal import EventBookingModules
internal import EventBookingRoutes
internal import EventBookingWorkers
internal import ExampleSupport
internal import Foundation
internal import Warren
internal import WarrenDashboard

/// Events and tickets. The API saves, puts a job into the queue and answers; the worker sends the mails.
@main struct EventBooking: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "event-booking",
    abstract: "Tickets that are never oversold, and mails to all who booked when an event changes.",
    discussion: """
      Mails go to SMTP_URL (smtp://user:password@host:587, smtps://…), from MAIL_FROM; without it into files under the data \
      directory. ADMIN_EMAIL and ADMIN_PASSWORD name the administrator, who may see /admin/queues.
      """)

  @Argument(help: "Which part of the system: api, worker or all.")
  var role = Role.all
  @OptionGroup var options: SystemOptions

  func run() async throws {
    let system = try ExampleSystem(
      role, options, .init(name: "event-booking", port: 3000, metricsPort: 9000), topology: try Modules.topology())
    let mailer = try MailSettings.mailer(data: system.data)
    let tokens = Tokens(try Secrets(file: system.data.appending(path: "secrets.json")), issuer: "event-booking")
    let administrator = try Administrator(environment: ProcessInfo.processInfo.environment)
    let modules = try Modules(
      data: system.data, broker: system.broker, tokens: tokens, administrator: role == .worker ? nil : administrator,
      mailer: mailer, sender: try MailSettings.sender(default: "tickets@events.example"))
    let dashboard = Dashboard(
      system.broker, .init(title: "Event booking", challenge: "Basic realm=\"event-booking\", charset=\"UTF-8\""),
      auditFile: system.data.appending(path: "audit.jsonl").path, outbox: modules.outbox, logger: system.logger)
    let routes = EventBookingRoutes(
      tokens: tokens, auth: AuthController(AccountAppModule(modules)),
      events: EventController(EventAppModule(modules)), bookings: BookingController(BookingAppModule(modules)),
      dashboard: dashboard)
    try await system.run(
      worker: try EmailWorker(NotificationAppModule(modules)).worker(on: system.broker, logger: system.logger),
      beside: [modules.relay(to: system.broker), dashboard],
      routes: { router in routes.add(to: router) })
  }
}
