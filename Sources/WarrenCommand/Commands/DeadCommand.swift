internal import ArgumentParser

struct DeadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead", abstract: "Shows, groups, marks, replays, edits, exports, deletes and restores dead letters.",
    subcommands: [
      DeadListCommand.self, DeadShowCommand.self, DeadGroupsCommand.self, DeadMarkCommand.self, DeadReplayCommand.self,
      DeadEditCommand.self, DeadDeleteCommand.self, DeadRestoreCommand.self, DeadExportCommand.self,
    ])
}
