internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct MessageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "message",
    abstract: "Lists, shows, runs and deletes the messages of a queue: running, ready and delayed.",
    discussion: """
      SQLite can show single messages; RabbitMQ cannot without taking them out of their queue. There, `warren queue show QUEUE` \
      tells how many wait, `warren worker ls --columns name,handles` which are handled, `warren dead ls` which gave up.
      """,
    subcommands: [List.self, Show.self, Run.self, Delete.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls",
      abstract: "Lists a queue's messages: those that run, those that are ready in their order, those that are delayed."
    )
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The queue.") var queue: QueueName
    @Option(help: ArgumentHelp("Only those that are doing this.", valueName: "state")) var state: QueuedMessage.State?
    @Option(help: ArgumentHelp("At most this many, and never more than 10000.", valueName: "count"))
    var limit = CountArgument(count: 100)
    @Option(
      name: .customLong("where"),
      help: ArgumentHelp(
        "Only those that this finds: 'name:email.* age>1h data.user.id=42'; see `warren dead ls --help`.",
        valueName: "filter"),
      transform: FilterArgument.parse)
    var filter: MessageFilter?

    func run() async throws {
      let selection = QueuedMessageSelection(
        queue: queue, state: state, filter: filter ?? MessageFilter(), limit: limit.count)
      let page = try await options.withOperations { operations in
        try await MessageCommand.explained(queue) { try await operations.messages(selection) }
      }
      try Printer(options).list(
        page.messages, Tables.messages,
        none: filter != nil
          ? "no message of '\(queue)' matches"
          : state.map { "no message of '\(queue)' is \($0.rawValue)" } ?? "'\(queue)' is empty")
      if let looked = page.looked {
        StandardError.print(
          "looked at the first \(looked) of them: name a --state, or see how many wait with `warren queue show`")
      } else if page.hasMore {
        StandardError.print("there are more: raise --limit, or name a --state")
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Shows a message: where it is, since when, what it has been through, its body.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The message.") var id: MessageID
    @Option(help: ArgumentHelp("Only where it is in this queue.", valueName: "queue")) var queue: QueueName?

    func run() async throws {
      let messages = try await options.withOperations { operations in
        try await MessageCommand.explained(queue) {
          try await operations.explained(try await operations.messages(id, in: queue))
        }
      }
      let printer = Printer(options)
      // An event may be in several queues. Its JSON stays an object as long as it is in one.
      if options.json { return messages.count == 1 ? try printer.json(messages[0]) : try printer.json(messages) }
      for (index, message) in messages.enumerated() {
        if index > 0 { try printer.write("\n") }
        try printer.write(text(message, printer))
      }
      if messages.contains(where: { $0.message.body?.isMasked == true }) {
        StandardError.print("some of it is hidden: --unmask shows it")
      }
    }

    private func text(_ explained: ExplainedMessage, _ printer: Printer) -> String {
      let message = explained.message
      let format = Format(options, printer.terminal)
      func when(_ date: Date?) -> String { date == nil ? "" : format.time(date) }
      var text = printer.card(
        [
          ("id", message.id?.rawValue ?? "none"), ("name", message.name?.rawValue ?? ""),
          ("queue", message.queue.rawValue), ("state", message.state.rawValue), ("worker", message.worker ?? ""),
          ("since", when(message.since)), ("due", when(message.due)), ("published", when(message.published)),
          ("expires", when(message.expiresAt)), ("attempts", "\(message.attempts)"),
          ("interruptions", "\(message.interruptions)"), ("replays", "\(message.replays)"),
          ("last error", message.failures.last.map { "\($0.error): \($0.message)" } ?? ""),
          ("exchange", message.exchange?.rawValue ?? ""), ("routing key", message.routingKey.rawValue),
          ("priority", "\(message.priority.rawValue)"), ("source", message.source ?? ""),
          ("correlation id", message.correlationID ?? ""),
        ] + explained.hindrances.map { ("waits because", $0.line) })
      text += printer.card(message.headers.sorted { $0.key < $1.key }.map { ("header \($0.key)", $0.value) })
      if let body = message.body { text += Text.printable(body.pretty, keepsLines: true) + "\n" }
      return text
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run", abstract: "Has a message that is delayed handled now, ahead of its time.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The id of the message.") var id: MessageID
    @Option(help: "The queue that it waits in.") var queue: QueueName

    func run() async throws {
      let count = try await options.withOperations { operations in
        try await MessageCommand.explained(queue) { try await operations.runNow(id, in: queue) }
      }
      try Printer(options).thing(Changed(id: id, queue: queue, messages: count)) {
        "\(Text.printable(id.rawValue)) waits for a worker now\n"
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Deletes a message that waits or is delayed, for good. Asks first.",
      discussion:
        "What a worker handles is ended by `warren worker cancel`; a dead letter is deleted by `warren dead delete`.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var confirmation: Confirmation
    @Argument(help: "The id of the message.") var id: MessageID
    @Option(help: "The queue that it waits in.") var queue: QueueName

    func run() async throws {
      let count = try await options.withOperations { operations in
        let name = Text.printable(id.rawValue)
        try confirmation.obtain("Delete '\(name)' from '\(Text.printable(queue.rawValue))' for good?", options)
        return try await MessageCommand.explained(queue) { try await operations.removeWaiting(id, from: queue) }
      }
      try Printer(options).thing(Changed(id: id, queue: queue, messages: count)) {
        "deleted \(Text.printable(id.rawValue))\n"
      }
    }
  }

  private struct Changed: Encodable {
    let id: MessageID
    let queue: QueueName
    let messages: Int
  }

  /// Says what can be seen instead where the engine cannot show messages.
  static func explained<Result>(_ queue: QueueName?, _ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch let error as BrokerError where error.code == .unsupported {
      let name = queue.map { Text.printable($0.rawValue) } ?? "QUEUE"
      throw CommandError(
        .failure, error.message,
        next: "see how many wait with `warren queue show \(name)`, what is handled now with "
          + "`warren worker ls --columns name,handles`, and what gave up with `warren dead ls`")
    }
  }
}
