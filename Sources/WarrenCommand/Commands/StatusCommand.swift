internal import ArgumentParser
internal import Foundation
internal import Warren
internal import Warren
internal import WarrenOperations

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "The broker on one screen: queues, workers and what is not well.",
    discussion: """
      The exit status is 0 when all is well and 1 when something is not: the engine found something, a queue of dead \
      letters has any, a queue is paused, a circuit breaker is open, messages wait and no worker consumes, or the oldest message of a queue has waited \
      longer than --patience. `doctor` looks deeper, at every row of a file too.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var store: StoreOption
  @OptionGroup var watch: WatchOptions
  @OptionGroup var rule: RuleOptions

  func run() async throws {
    let rule = rule.rule
    let health = try await options.withOperations(store: store.open()) { operations in
      try await watch.repeating(options) { try await show(operations, rule) }
    }
    if health != .fine { throw ExitStatus.failure }
  }

  static let none = "no queues yet: they are declared by the first service that applies its topology"

  private func show(_ operations: Operations, _ rule: HealthRule) async throws -> Finding.Severity {
    let overview = try await operations.overview(rule: rule)
    let printer = Printer(options)
    try printer.thing(overview) { try text(overview, printer) }
    return overview.health
  }

  private func text(_ overview: Overview, _ printer: Printer) throws -> String {
    let terminal = printer.terminal
    var text = printer.card([
      ("engine", overview.engine), ("health", overview.health.rawValue),
      ("workers", overview.workers.map { "\($0.count)" } ?? "unknown"),
    ])
    if !terminal.isOutput, overview.queues == nil { text += printer.card([("queues", "unknown")]) }
    if terminal.isOutput { text += "\n" }
    text += try Tables.queues.text(overview.queues ?? [], options, terminal, titled: true)
    if terminal.isOutput, overview.queues?.isEmpty ?? true {
      let none = overview.queues == nil ? "unknown: the engine cannot list its queues now" : Self.none
      text += Style.dim(none, on: terminal) + "\n"
    }
    if terminal.isOutput, !overview.findings.isEmpty { text += "\n" }
    for finding in overview.findings { text += FindingText.lines(finding, printer) }
    return text
  }
}
