internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct TopologyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology",
    abstract: "Shows what is declared, compares it with a file, declares what is missing, removes what is not named.",
    discussion: """
      A topology file is JSON with exchanges, queues and bindings; `warren topology show --json` prints one. A service \
      writes its own with JSONEncoder: `try JSONEncoder().encode(worker.topology)`. Nothing is ever changed; only `prune` removes.
      """,
    subcommands: [Show.self, Diff.self, Apply.self, TopologyPruneCommand.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Shows what is declared. With --json it is a topology file.",
      discussion: """
        What Warren did not declare, or would declare in another way, is 'adopted': it is used as it is and never declared.
        """)
    @OptionGroup var options: GlobalOptions

    func run() async throws {
      let topology = try await options.withOperations { try await $0.topology() }
      let printer = Printer(options)
      if options.json { return try printer.json(topology) }
      try printer.list(
        TopologyRow.rows(topology), Tables.topology,
        none: "nothing is declared: that is done by the first service that applies its topology")
    }
  }

  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff", abstract: "Says what of a topology file is missing or differs, and how to fix it.",
      discussion: "What is there beside it is no difference. The exit status is 1 when there are differences.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var file: TopologyFile

    func run() async throws {
      let topology = try file.read()
      let comparison = try await options.withOperations { try await $0.compare(topology) }
      let printer = Printer(options)
      if options.json {
        try printer.json(comparison)
      } else if printer.terminal.isOutput, options.columns == nil {
        for difference in comparison.differences { try printer.write(Self.lines(difference, printer)) }
        if comparison.differences.isEmpty { StandardError.print(Self.none) }
      } else {
        try printer.list(comparison.differences, Tables.differences, none: Self.none)
      }
      if let note = comparison.note { StandardError.print("note: \(note)") }
      if !comparison.differences.isEmpty { throw ExitStatus.failure }
    }

    private static let none = "everything is declared as it should be"

    /// A difference for a person: a fix is too long for a table.
    private static func lines(_ difference: TopologyDifference, _ printer: Printer) -> String {
      let head = "\(difference.subject) is \(difference.declared), asked for \(difference.wanted)"
      let fix = difference.fix.map { "  fix: \(Text.printable($0.withCommand))\n" } ?? ""
      return Style.bad("differs", on: printer.terminal) + "  " + Text.printable(head) + "\n" + fix
    }
  }

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "apply", abstract: "Declares what of a topology file is missing.",
      discussion: "When something is there and differs, or an adopted thing is missing, nothing is declared.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var file: TopologyFile

    func run() async throws {
      let topology = try file.read()
      let declared = try await options.withOperations { try await $0.apply(topology) }
      let printer = Printer(options)
      if options.json { return try printer.json(declared) }
      for difference in declared.differences { try printer.write("declared\t\(Text.printable(difference.subject))\n") }
      if declared.differences.isEmpty {
        StandardError.print(declared.note == nil ? "everything was there already" : "applied: \(declared.note ?? "")")
      }
    }
  }
}
