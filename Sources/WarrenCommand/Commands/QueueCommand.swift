internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Lists, shows, stops, empties and deletes queues.",
    subcommands: [List.self, Show.self, Pause.self, Resume.self, Purge.self, QueueDeleteCommand.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists all queues.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var watch: WatchOptions
    @Option(help: ArgumentHelp("At most this many.", valueName: "count")) var limit: CountArgument?

    func run() async throws {
      try await options.withOperations { operations in
        try await watch.repeating(options) {
          let queues = try await operations.queues()
          let shown = limit.map { Array(queues.prefix($0.count)) } ?? queues
          try Printer(options).list(shown, Tables.queues, none: StatusCommand.none)
        }
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one queue.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The queue.") var queue: QueueName

    func run() async throws {
      let (view, hindrances) = try await options.withOperations { operations in
        let view = try await operations.queue(queue)
        return (view, try await operations.hindrances(view))
      }
      let printer = Printer(options)
      let format = Format(options, printer.terminal)
      try printer.thing(Shown(status: view, hindrances: hindrances)) {
        printer.card(
          [
            ("name", view.name.rawValue), ("state", view.state.rawValue), ("ready", "\(view.ready)"),
            ("delayed", format.number(view.delayed)), ("running", format.number(view.running)),
            ("oldest", view.oldest == nil && view.ready > 0 ? Format.unknown : format.age(view.oldest)),
            ("consumers", "\(view.consumers)"),
            ("dead letters to", view.deadLetterQueue?.rawValue ?? ""),
            ("published", format.number(view.totals?.published)),
            ("completed", format.number(view.totals?.completed)), ("retried", format.number(view.totals?.retried)),
            ("dead-lettered", format.number(view.totals?.deadLettered)), ("in/s", format.rate(view.rates?.published)),
            ("out/s", format.rate(view.rates?.delivered)), ("done/s", format.rate(view.rates?.settled)),
          ] + hindrances.map { ("waits because", $0.line) })
      }
    }

    /// The status, with why what waits is not being handled.
    private struct Shown: Encodable {
      var status: QueueStatus
      var hindrances: [Hindrance]

      private enum CodingKeys: String, CodingKey {
        case hindrances
      }

      func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(hindrances, forKey: .hindrances)
      }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pause",
      abstract: "Hands out nothing more from a queue, in any process, until it is resumed.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The queue.") var queue: QueueName

    func run() async throws {
      let view = try await options.withOperations { operations in
        try await operations.pause(queue)
        return try await operations.queue(queue)
      }
      try Printer(options).thing(view) { "paused \(Text.printable(queue.rawValue))\n" }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resume", abstract: "Hands out from a paused queue again.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The queue.") var queue: QueueName

    func run() async throws {
      let view = try await options.withOperations { operations in
        try await operations.resume(queue)
        return try await operations.queue(queue)
      }
      try Printer(options).thing(view) { "resumed \(Text.printable(queue.rawValue))\n" }
    }
  }

  struct Purge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "purge",
      abstract: "Deletes what waits in a queue, the delayed messages too, for good; what a worker holds stays.",
      discussion: """
        With RabbitMQ name the application's database with --store sqlite:PATH or $WARREN_STORE, so that the keys of unique jobs are \
        free again.
        """)
    @OptionGroup var options: GlobalOptions
    @OptionGroup var store: StoreOption
    @OptionGroup var confirmation: Confirmation
    @Argument(help: "The queue.") var queue: QueueName

    func run() async throws {
      let purged = try await options.withOperations(store: try store.open()) { operations in
        let view = try await operations.queue(queue)
        // What the engine cannot count may be there as well.
        let atLeast = view.delayed == nil ? "at least " : ""
        let waiting = view.ready + (view.delayed ?? 0)
        try confirmation.obtain(
          "Delete \(atLeast)\(Count.of(waiting, "message")) of '\(Text.printable(queue.rawValue))' for good?",
          options)
        return Purged(queue: queue, deleted: try await operations.purge(queue))
      }
      try Printer(options).thing(purged) { "\(Count.of(purged.deleted, "message")) deleted\n" }
    }
  }

  private struct Purged: Codable, Sendable {
    var queue: QueueName
    var deleted: Int
  }
}
