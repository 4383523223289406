internal import ArgumentParser
internal import ExampleSupport
internal import Foundation
internal import TutorGoMessaging
internal import Warren
internal import WarrenGRDB

/// Lessons with tutors: booking, payment, tutor and notification services. The API saves a change together with its event and
/// answers; the worker notifies and gives refunds.
@main struct TutorGo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tutorgo",
    abstract: "Lessons that are booked, paid, cancelled and reviewed, and notifications in the background.",
    discussion: """
      RABBITMQ_EXCHANGE names the exchange (tutorgo_events). A first connection is tried again RABBITMQ_RETRY_ATTEMPTS times (5), \
      RABBITMQ_RETRY_DELAY milliseconds (2000) later and then after twice as long each time. RABBITMQ_MESSAGE_TTL (milliseconds) \
      bounds how long an event is worth handling; bodies above RABBITMQ_COMPRESS_ABOVE bytes are packed. Mails go to SMTP_URL, from \
      MAIL_FROM; without it into files under the data directory.
      """)

  @Argument(help: "Which part of the system: api, worker or all.")
  var role = Role.all
  @OptionGroup var options: SystemOptions

  func run() async throws {
    let settings = try MessagingSettings(environment: ProcessInfo.processInfo.environment)
    let topology = try Layout.topology(settings.exchange)
    let system = try ExampleSystem(
      role, options, .init(name: "tutorgo", port: 3004, metricsPort: 9004), topology: topology)
    let connection = try MessagingConnection(
      options.location(of: "tutorgo"), settings: settings, broker: system.broker, logger: system.logger)
    let store = try Store(
      file: system.data.appending(path: "tutorgo.db"), composer: settings.composer(source: "tutorgo"))
    let mails = NotificationMails(
      mailer: try MailSettings.mailer(data: system.data),
      from: try MailSettings.sender(default: "lessons@tutorgo.example"))
    let consumer = EventConsumer(
      system.broker, settings: settings, name: "tutorgo-worker", store: DatabaseStore(store.database),
      logger: system.logger)
    try await system.run(
      first: { try await connection.waitForBroker() },
      worker: try Services.worker(consumer, store, mails),
      beside: [
        OutboxRelay(store.outbox, to: system.broker, logger: system.logger),
        try ExpiryHandler.scheduler(
          EventBus(system.broker, settings.composer(source: "tutorgo"), topology: topology, logger: system.logger),
          DatabaseStore(store.database), logger: system.logger),
      ],
      routes: { Services.addRoutes(to: $0, store) })
  }
}
