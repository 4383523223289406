internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct TopologyPruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Removes queues and bindings that Warren made and that no topology file names. Asks first.",
    discussion: """
      Give the files of all services of this broker: what none of them names goes. Queues that are adopted are left alone. A queue \
      with consumers stays as it is. One that holds messages, or whose dead letters lie elsewhere, stays and is unbound, so that it \
      can be emptied and pruned later. Exchanges stay.

      The exit status is 3 when something was removed and something else stays, 1 when all of it stays.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var confirmation: Confirmation
  @Argument(
    help: ArgumentHelp("Topology files, or - to read one from stdin.", valueName: "file|-"), completion: .file())
  var files: [String]
  @Flag(help: "Say what would be removed, and do nothing.") var dryRun = false

  func run() async throws {
    var topology = try Topology()
    for file in files { topology = try topology.merging(TopologyFile.read(file)) }
    let whole = topology
    let printer = Printer(options)
    let report = try await options.withOperations { operations -> PruningReport? in
      let plan = try await operations.pruning(whole)
      if dryRun || plan.bindings.isEmpty && plan.queues.isEmpty {
        try printer.thing(plan) { Self.text(plan.bindings, plan.queues, plan.kept, "would be ") }
        if plan.isEmpty { StandardError.print("everything that Warren made is named") }
        return dryRun ? nil : PruningReport(kept: plan.kept)
      }
      if !confirmation.yes {
        StandardError.print(Self.text(plan.bindings, plan.queues, plan.kept, "would be ", separator: "  "))
      }
      let what = [
        plan.bindings.isEmpty ? nil : Count.of(plan.bindings.count, "binding"),
        plan.queues.isEmpty ? nil : Count.of(plan.queues.count, "queue"),
      ].compactMap { $0 }.joined(separator: " and ")
      try confirmation.obtain("Remove \(what)?", options)
      let report = try await operations.prune(plan)
      try printer.thing(report) { Self.text(report.bindings, report.queues, report.kept, "") }
      if report.messages > 0 {
        StandardError.print("\(Count.of(report.messages, "message")) came in meanwhile and went with the queues")
      }
      return report
    }
    if let report, !report.kept.isEmpty {
      throw report.bindings.isEmpty && report.queues.isEmpty ? ExitStatus.failure : .partial
    }
  }

  private static func text(
    _ bindings: [Binding], _ queues: [QueueName], _ kept: [PruningPlan.Kept], _ would: String, separator: String = "\t"
  ) -> String {
    let lines =
      bindings.map { ["\(would)unbound", "'\($0.queue)' from '\($0.exchange)' by '\($0.key)'"] }
      + queues.map { ["\(would)deleted", "queue '\($0)'"] }
      + kept.map { ["stays", "queue '\($0.queue)': \($0.reason)"] }
    return lines.map { $0.map { Text.printable($0) }.joined(separator: separator) + "\n" }.joined()
  }
}
