internal import ArgumentParser
internal import Logging
internal import Warren
internal import WarrenSQLite

/// The processes of the tests that kill processes, and the books that are kept over them.
@main
struct LedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "warren-ledger", abstract: "Publishers, workers and killers for Warren's tests.",
    subcommands: [Hold.self, Work.self, Publish.self, Crash.self])
}

/// Which engine.
struct BrokerOption: ParsableArguments {
  @Option(help: "sqlite:PATH") var broker: String

  func open() throws -> any InspectableBroker & OperableBroker & DeadLetterBroker {
    guard broker.hasPrefix("sqlite:") else {
      throw ValidationError("'\(broker)' is no broker that this build knows: use sqlite:PATH")
    }
    return try SQLiteBroker(
      path: String(broker.dropFirst("sqlite:".count)),
      logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
  }
}
