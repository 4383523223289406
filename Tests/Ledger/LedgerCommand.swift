internal import ArgumentParser
internal import Logging
internal import Warren
internal import WarrenConnect
internal import WarrenSQLite

/// The processes of the tests that kill processes, and the books that are kept over them.
@main
struct LedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warren-ledger", abstract: "Publishers, workers and killers for Warren's tests.",
    subcommands: [Hold.self, Lock.self, Work.self, Publish.self, Crash.self, Chaos.self, Hostile.self])
}

/// Which engine.
struct BrokerOption: ParsableArguments {
  @Option(help: "sqlite:PATH or amqp://…, with commas between the nodes of a cluster") var broker: String
  @Option(help: "Seconds after which a process of a file that shows no sign of life loses its deliveries.")
  var lease: Int?
  @Flag(help: "Say on standard error what happens to connections and messages.") var verbose = false

  var logger: Logger {
    var logger = Logger(label: "ledger") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = verbose ? .debug : .critical
    return logger
  }

  func open() throws -> any InspectableBroker & OperableBroker & DeadLetterBroker {
    let address = try BrokerAddress(broker)
    guard let lease, case .sqlite(let path) = address else { return try address.open(logger: logger) }
    var configuration = SQLiteConfiguration()
    configuration.leaseTimeout = .seconds(lease)
    return try SQLiteBroker(path: path, configuration: configuration, logger: logger)
  }
}
