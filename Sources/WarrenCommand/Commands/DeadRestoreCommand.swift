internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadRestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts deleted dead letters back; without ids it lists those that can be.",
    discussion: """
      In a broker's file deleted dead letters are kept for a day, the newest 10,000. RabbitMQ keeps none: there deleting is \
      final.
      """,
    aliases: ["undelete"])
  @OptionGroup var options: GlobalOptions
  @Argument(help: "The ids of the messages, or their addresses (@17).") var ids: [MessageID] = []
  @Option(help: ArgumentHelp("List at most this many.", valueName: "count")) var limit = CountArgument(count: 100)

  func run() async throws {
    if ids.isEmpty {
      let list = try await options.withOperations { try await $0.deletedDeadLetters(limit: limit.count) }
      return try Printer(options).list(
        list, Tables.deletedDeadLetters, none: "nothing was deleted that could be put back")
    }
    let restored = try await CommandError.naming("warren dead restore") {
      try await options.withOperations { try await $0.restoreDeadLetters(ids) }
    }
    try Printer(options).thing(["restored": restored.map(\.rawValue)]) { "\(restored.count) restored\n" }
  }
}
