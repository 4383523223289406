internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct OperationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "op", abstract: "Lists, shows, cancels and resumes what is done to many dead letters.",
    discussion: """
      On SQLite each replay and deletion is kept in the broker's file, step by step with what it did: when its process dies, \
      `resume` goes on where it was. RabbitMQ keeps none: there, do the same again for what is left.
      """,
    subcommands: [List.self, Show.self, Cancel.self, Resume.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists operations, the newest first.")
    @OptionGroup var options: GlobalOptions
    @Option(help: ArgumentHelp("At most this many.", valueName: "count")) var limit = CountArgument(count: 100)

    func run() async throws {
      let operations = try await options.withOperations { try await $0.bulkOperations(limit: limit.count) }
      try Printer(options).list(operations, Tables.operations, none: "no operations")
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one operation.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The operation.") var id: String

    func run() async throws {
      let operation = try await CommandError.naming("warren op ls") {
        try await options.withOperations { try await $0.bulkOperation(id) }
      }
      try OperationCommand.show(operation, options)
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "cancel", abstract: "Ends an operation before its next step; what is done stays done.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The operation.") var id: String

    func run() async throws {
      let operation = try await CommandError.naming("warren op ls") {
        try await options.withOperations { try await $0.cancelOperation(id) }
      }
      try Printer(options).thing(operation) { "cancelled at \(operation.done) of \(operation.total)\n" }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resume",
      abstract: "Goes on with an operation whose process has died; takes it over from one that lives.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The operation.") var id: String

    func run() async throws {
      let printer = Printer(options)
      let operation = try await CommandError.naming("warren op ls") {
        try await options.withOperations { operations in
          try await operations.resume(id) { operation in
            if printer.terminal.showsProgress {
              StandardError.progress("\(operation.total - operation.left) of \(operation.total)")
            }
          }
        }
      }
      if printer.terminal.showsProgress { StandardError.progress("") }
      try OperationCommand.show(operation, options)
      if operation.state != .done || operation.skipped.unreachable + operation.skipped.held > 0 {
        throw ExitStatus.partial
      }
    }
  }

  private static func show(_ operation: BulkOperation, _ options: GlobalOptions) throws {
    let printer = Printer(options)
    let format = Format(options, printer.terminal)
    let skipped = operation.skipped
    try printer.thing(operation) {
      printer.card([
        ("id", operation.id), ("action", operation.action.rawValue), ("state", operation.state.rawValue),
        ("filter", operation.filter), ("by", operation.actor), ("process", operation.runner),
        ("started", format.time(operation.started)), ("last step", format.time(operation.updated)),
        ("total", "\(operation.total)"), ("done", "\(operation.done)"), ("left", "\(operation.left)"),
        ("stayed, their queue is gone", skipped.unreachable == 0 ? "" : "\(skipped.unreachable)"),
        ("stayed, a worker held them", skipped.held == 0 ? "" : "\(skipped.held)"),
        ("gone meanwhile", skipped.gone == 0 ? "" : "\(skipped.gone)"),
        ("at most a second", operation.rate.map { format.rate($0) } ?? ""),
      ])
    }
  }
}
