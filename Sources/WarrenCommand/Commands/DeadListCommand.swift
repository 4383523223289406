internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists dead letters, the oldest first.")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var conditions: DeadLetterConditions
  @Argument(help: "Only these messages.") var ids: [MessageID] = []
  @Option(name: [.long, .customLong("first")], help: ArgumentHelp("At most so many.", valueName: "count"))
  var limit = CountArgument(count: 100)

  func run() async throws {
    let (letters, hasMore) = try await options.withOperations {
      try await $0.deadLetters(conditions.filter(ids: ids), limit: limit.count)
    }
    try Printer(options).list(
      letters, Tables.deadLetters,
      none: conditions.filter(ids: ids).isEmpty
        ? "no dead letters" : "no dead letter matches: `warren dead ls` lists all")
    if hasMore { StandardError.print("there are more: raise --limit, or see them by cause with `warren dead groups`") }
    if letters.isEmpty, !ids.isEmpty { throw ExitStatus.nothing }
  }
}
