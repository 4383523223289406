internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead", abstract: "Shows, groups, replays, edits and deletes dead letters.",
    subcommands: [
      DeadListCommand.self, DeadShowCommand.self, DeadGroupsCommand.self, DeadReplayCommand.self, DeadEditCommand.self,
      DeadDeleteCommand.self,
    ])
}

/// Which dead letters are meant. Every condition that is given must hold.
struct DeadLetterConditions: ParsableArguments {
  @Option(help: ArgumentHelp("Only those that lie in this queue.", valueName: "queue")) var queue: QueueName?
  @Option(help: ArgumentHelp("Only those that this queue gave up on.", valueName: "queue")) var origin: QueueName?
  @Option(help: ArgumentHelp("Only messages of this name.", valueName: "name")) var name: MessageName?
  @Option(help: ArgumentHelp("Only those parked for this kind of reason.", valueName: "reason"))
  var reason: DeadLetterReason.Kind?
  @Option(
    name: .customLong("where"), help: ArgumentHelp("Only those whose reason contains this text.", valueName: "text"))
  var text: String?
  @Option(
    help: ArgumentHelp(
      "Only those that were parked at this time or before, in ISO 8601 with its zone.", valueName: "time"))
  var until: TimeArgument?

  func filter(ids: [MessageID] = []) -> DeadLetterFilter {
    DeadLetterFilter(
      ids: ids, queue: queue, origin: origin, name: name, reason: reason, text: text, until: until?.date)
  }
}

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
    if hasMore { Talk.say("there are more: raise --limit, or see them by cause with `warren dead groups`") }
    if letters.isEmpty, !ids.isEmpty { throw ExitStatus.nothing }
  }
}

struct DeadGroupsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "groups", abstract: "Groups dead letters by cause, the largest group first.",
    discussion: """
      A cause is the queue that gave up, the message's name, the kind of reason, the error's type, and what it says \
      without the numbers, ids and quotations in it.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var conditions: DeadLetterConditions
  @Option(help: ArgumentHelp("At most so many groups.", valueName: "count")) var limit: CountArgument?

  func run() async throws {
    let result = try await options.withOperations { try await $0.groups(conditions.filter()) }
    let groups = limit.map { Array(result.groups.prefix($0.count)) } ?? result.groups
    try Printer(options).list(groups, Tables.groups, none: "no dead letters")
    if !result.isComplete {
      Talk.say("only the oldest \(result.read) dead letters were read: narrow it with --queue or --origin")
    }
  }
}
