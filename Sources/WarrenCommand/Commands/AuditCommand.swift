internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Shows who changed what: each change is written before it is made.",
    discussion: """
      On SQLite the log is in the broker's file. RabbitMQ keeps none: there it is a file of JSON lines on this machine, \
      --audit-file or $WARREN_AUDIT, else ~/.local/state/warren/audit.jsonl; what was done from other machines is not in it. \
      A user who may write the file, or the broker's, may also change the log.
      """,
    subcommands: [List.self, Export.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists the newest entries.")
    @OptionGroup var options: GlobalOptions
    @Option(help: ArgumentHelp("At most this many.", valueName: "count")) var limit = CountArgument(count: 100)

    func run() async throws {
      let entries = try await options.withOperations { operations in
        try await Array(operations.newestAudit(limit: limit.count).reversed())
      }
      try Printer(options).list(entries, Tables.audit, none: "nothing was changed yet")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "Prints all entries as JSON lines, the oldest first.")
    @OptionGroup var options: GlobalOptions
    @Option(help: ArgumentHelp("Only entries after this number.", valueName: "number")) var after: Int64 = 0

    func run() async throws {
      var options = options
      options.json = true
      let printer = Printer(options)
      try await options.withOperations { [after] operations in
        try await operations.visitAudit(after: after) {
          try printer.write(try printer.jsonText($0, onOneLine: true) + "\n")
        }
      }
    }
  }
}
