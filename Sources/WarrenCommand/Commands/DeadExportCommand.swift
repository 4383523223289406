internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

struct DeadExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Prints a dead letter's message as JSON, or a test that handles it.",
    discussion: """
      With --as-test it is a file for Swift Testing and the library WarrenTesting: warren dead export ID --as-test > Tests/….swift. \
      It compiles as it is; put the program's worker in, and it fails as the message did until the cause is corrected.

      Passwords, codes and tokens are hidden; --unmask writes them, too.
      """)
  @OptionGroup var options: GlobalOptions
  @Argument(help: "The message.") var id: MessageID
  @Option(help: ArgumentHelp("Where it lies, when several queues gave up on it.", valueName: "queue"))
  var queue: QueueName?
  @Flag(help: "Print a test.") var asTest = false

  func run() async throws {
    let test = try await CommandError.naming("warren dead ls") {
      try await options.withOperations { try await $0.test(of: id, in: queue) }
    }
    let printer = Printer(options)
    if asTest { try printer.write(test.source) } else { try printer.json(test.letter.message) }
    if test.isMasked { StandardError.print("some of it is hidden: --unmask writes it, too") }
  }
}
