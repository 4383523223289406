internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes dead letters. Asks first, and says whether they can be put back.")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var selection: BulkSelection
  @OptionGroup var confirmation: Confirmation

  func run() async throws {
    try await selection.act("delete", done: "deleted", options, asksForOne: true, confirmation) {
      try await $0.delete($1, rate: $2, progress: $3)
    }
  }
}
