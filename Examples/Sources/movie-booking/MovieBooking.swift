internal import Accounts
internal import ArgumentParser
internal import ExampleSupport
internal import Foundation
internal import Warren
internal import WarrenGRDB

/// Movies, shows and seats. The API saves, puts a mail into the queue and answers; the worker sends it.
@main struct MovieBooking: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "movie-booking",
    abstract: "Seats that are booked at once, and mails that are sent in the background.",
    discussion: """
      Mails go to SMTP_URL (smtp://user:password@host:587, smtps://…), from MAIL_FROM; without it into files under the data \
      directory.
      """)

  @Argument(help: "Which part of the system: api, worker or all.")
  var role = Role.all
  @OptionGroup var options: SystemOptions

  func run() async throws {
    let system = try ExampleSystem(
      role, options, .init(name: "movie-booking", port: 3001, metricsPort: 9001), topology: try Layout.topology())
    let store = try Store(
      file: system.data.appending(path: "movie-booking.db"),
      composer: MessageComposer(source: "movie-booking"))
    let secrets = try Secrets(file: system.data.appending(path: "secrets.json"))
    let mails = MailHandlers(
      mailer: try MailSettings.mailer(data: system.data),
      from: try MailSettings.sender(default: "tickets@movies.example"))
    let accounts = AccountRoutes(
      store: store, hasher: try PasswordHasher(), codes: OneTimeCodes(secret: secrets.codes),
      tokens: Tokens(secrets, issuer: "movie-booking"))
    try await system.run(
      worker: try mails.worker(on: system.broker, logger: system.logger),
      beside: [OutboxRelay(store.outbox, to: system.broker)],
      routes: { MovieBookingAPI(store: store, accounts: accounts).add(to: $0) })
  }
}
