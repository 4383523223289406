internal import ArgumentParser

struct DeadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead", abstract: "Shows, groups, replays, edits and deletes dead letters.",
    subcommands: [
      DeadListCommand.self, DeadShowCommand.self, DeadGroupsCommand.self, DeadReplayCommand.self, DeadEditCommand.self,
      DeadDeleteCommand.self, DeadMarkCommand.self,
    ])
}
