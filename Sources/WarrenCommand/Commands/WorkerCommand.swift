internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Lists workers, and ends what one handles.", subcommands: [List.self, Cancel.self])

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

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "cancel",
      abstract: "Asks the worker that handles a message to end its handler: the message becomes a dead letter.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The id of the message.") var id: MessageID
    @Option(help: "The queue that it came from.") var queue: QueueName

    func run() async throws {
      let count = try await options.withOperations { try await $0.cancel(id, in: queue) }
      try Printer(options).thing(Cancelled(id: id, queue: queue, handlers: count)) {
        "asked the handler of \(Text.printable(id.rawValue)) to end\n"
      }
    }

    private struct Cancelled: Encodable {
      let id: MessageID
      let queue: QueueName
      let handlers: Int
    }
  }
}
