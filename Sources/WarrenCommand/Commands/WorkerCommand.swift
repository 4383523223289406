internal import ArgumentParser
internal import WarrenOperations

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Lists workers.", subcommands: [List.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "Lists the workers that are connected.")
    @OptionGroup var options: GlobalOptions
    @Option(help: ArgumentHelp("At most this many.", valueName: "count")) var limit: CountArgument?

    func run() async throws {
      let workers = try await options.withOperations { try await $0.workers() }
      let shown = limit.map { Array(workers.prefix($0.count)) } ?? workers
      try Printer(options).list(shown, Tables.workers, none: "no workers: no process consumes a queue now")
    }
  }
}
