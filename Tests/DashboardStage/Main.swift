import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals
import Warren
import WarrenConnect
import WarrenDashboard
import WarrenGRDB

/// Puts a small system into a broker, with every state that a queue can be in, and serves the dashboard over it: for the
/// browser that looks at the pages.
@main struct DashboardStage: AsyncParsableCommand {
  @Option(help: "The broker: sqlite:PATH or amqp://…") var broker: String
  @Option(help: "The port of the dashboard.") var port = 7072
  @Option(help: "The database of the application: its outbox, and where the engine is no store its schedules.")
  var database: String
  @Option(help: "How many jobs give up.") var failing = 120
  @Flag(inversion: .prefixedNo, help: "Whether messages are put in, or are there already.") var seed = true

  func run() async throws {
    var logger = Logger(label: "stage", factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = .critical
    let broker = try BrokerAddress(self.broker).open(logger: logger)
    try await serve(broker, logger)
  }

  private func serve(_ broker: some Broker, _ logger: Logger) async throws {
    let application = try Application(path: database)
    let workers = try System.workers(on: broker, logger)
    let topology = try System.topology(workers)
    let audit = FileManager.default.temporaryDirectory.appendingPathComponent("warren-stage-\(port).jsonl").path
    var look = Dashboard.Configuration(title: "Bookings", environment: "staging")
    // The browser looks at each page as it is in the end.
    look.patience = .seconds(60)
    let dashboard = Dashboard(
      broker, look, auditFile: audit, store: application.store,
      outbox: application.outbox, logger: logger)
    let server = try DashboardServer(dashboard, .init(port: port), logger: logger) { _ in }
    let seeding = Seeding { [failing, seed] in
      if !seed { return }
      try await EarlierHours.seed(broker, auditFile: audit)
      try await System.seed(broker, topology, failing: failing)
      try await application.seed()
    }
    var services: [any Service] = [broker, seeding]
    for worker in workers { services.append(worker) }
    services += [
      OutboxRelay(application.outbox, to: broker, logger: logger),
      try System.scheduler(on: broker, application.store, logger), server,
    ]
    let group = ServiceGroup(
      configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

/// Puts the messages in, and then does nothing until all ends.
struct Seeding: Service {
  let seed: @Sendable () async throws -> Void

  func run() async throws {
    try await seed()
    // Not by print, which holds a line back when no terminal reads it.
    FileHandle.standardOutput.write(Data("seeded\n".utf8))
    try await gracefulShutdown()
  }
}
