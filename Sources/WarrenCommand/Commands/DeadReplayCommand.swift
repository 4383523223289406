internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct DeadReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Sends dead letters back to the queues that gave up on them, with a new set of attempts.",
    discussion: "What is parked after the command has counted is left alone. More than one are asked about first.")
  @OptionGroup var options: GlobalOptions
  @OptionGroup var selection: BulkSelection
  @OptionGroup var confirmation: Confirmation

  func run() async throws {
    try await selection.act("replay", done: "replayed", options, asksForOne: false, confirmation) {
      try await $0.replay($1, rate: $2, progress: $3)
    }
  }
}
