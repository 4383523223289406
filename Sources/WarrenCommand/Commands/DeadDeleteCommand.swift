internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Deletes dead letters. Asks first, and says whether they can be put back.",
    discussion: """
      With RabbitMQ name the application's database with --store sqlite:PATH or $WARREN_STORE, so that the keys of unique jobs are \
      free again.
      """)
  @OptionGroup var options: GlobalOptions
  @OptionGroup var selection: BulkSelection
  @OptionGroup var store: StoreOption
  @OptionGroup var confirmation: Confirmation

  func run() async throws {
    try await selection.act("delete", done: "deleted", options, store: try store.open(), asksForOne: true, confirmation)
    {
      try await $0.delete($1, rate: $2, progress: $3)
    }
  }
}
