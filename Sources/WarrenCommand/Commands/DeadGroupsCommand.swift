internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadGroupsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "groups", abstract: "Groups dead letters by cause, the largest group first.",
    discussion: """
      A cause is the queue that gave up, the message's name, the kind of reason, the error's type, and what it says \
      without the numbers, ids and quotations in it. `warren dead replay --group GROUP` acts on all of a group, and so do `ls` \
      and `delete`. `warren dead mark GROUP resolved` says that a cause is gone; a group that comes back then is `returned`.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var store: StoreOption
  @OptionGroup var conditions: DeadLetterConditions
  @Option(help: ArgumentHelp("At most this many groups.", valueName: "count")) var limit: CountArgument?

  func run() async throws {
    let result = try await options.withOperations(store: try store.open()) {
      if let remote = $0.broker as? RemoteBroker { return try await remote.groups(conditions.selection()) }
      return try await $0.groups(conditions.selection())
    }
    let groups = limit.map { Array(result.groups.prefix($0.count)) } ?? result.groups
    try Printer(options).list(groups, Tables.groups, none: "no dead letters")
    if !result.isComplete {
      StandardError.print("only the oldest \(result.read) dead letters were read: narrow it with --queue or --origin")
    }
  }
}
