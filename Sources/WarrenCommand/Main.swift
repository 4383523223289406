internal import ArgumentParser
internal import Foundation

/// The command line, product `warren`.
@main enum Main {
  static func main() async {
    StandardStream.prepare()
    do {
      try RepeatedOptions.refuse(in: CommandLine.arguments.dropFirst())
      var command = try RootCommand.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      ExitStatus.of(error).end()
    }
  }
}
