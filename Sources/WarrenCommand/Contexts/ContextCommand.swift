internal import ArgumentParser
internal import Foundation
internal import WarrenConnect

struct ContextCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "context", abstract: "Names brokers, so that --context NAME, or no option at all, finds them.",
    discussion: """
      The names are in ~/.config/warren/contexts.json. Passwords are not: write ${NAME} in the URL for the variable NAME of the \
      environment, as in 'amqp://ops:${WARREN_PASSWORD}@broker/vhost'. --broker, --context and WARREN_BROKER come before the \
      context that is in use.
      """,
    subcommands: [Add.self, Use.self, List.self, Remove.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Names a broker, or gives a name another broker. The first is in use at once.")
    @Argument(help: "The name.") var name: String
    @Argument(help: "The broker: sqlite:PATH or amqp://….") var url: String

    func run() async throws {
      if Contexts.hasPassword(url) {
        throw CommandError(
          .usage, "the URL has a password in it, which would stand in a file",
          next: "write ${NAME} in its place, and set the variable NAME where the command runs")
      }
      // With a variable in it, it is known when that is filled in.
      if !url.contains("${") { _ = try BrokerAddress(url) }
      var contexts = try Contexts.read()
      contexts.urls[name] = url
      contexts.current = contexts.current ?? name
      try contexts.write()
    }
  }

  struct Use: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "use", abstract: "Takes a broker for all commands that name none.")
    @Argument(help: "The name.") var name: String

    func run() async throws {
      var contexts = try Contexts.read()
      _ = try contexts.url(name)
      contexts.current = name
      try contexts.write()
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists the names.")
    @OptionGroup var options: GlobalOptions

    func run() async throws {
      let contexts = try Contexts.read()
      let rows = contexts.urls.sorted { $0.key < $1.key }.map {
        Row(name: $0.key, url: $0.value, isCurrent: $0.key == contexts.current)
      }
      let table = Table<Row>(columns: [
        Column("name", whole: true) { row, _ in row.name },
        Column("use", whole: true) { row, _ in row.isCurrent ? "*" : "" },
        Column("url") { row, _ in row.url },
      ])
      try Printer(options).list(rows, table, none: "no contexts: add one with `warren context add NAME URL`")
    }

    private struct Row: Codable {
      var name: String
      var url: String
      var isCurrent: Bool
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Forgets a name.")
    @Argument(help: "The name.") var name: String

    func run() async throws {
      var contexts = try Contexts.read()
      _ = try contexts.url(name)
      contexts.urls[name] = nil
      if contexts.current == name { contexts.current = nil }
      try contexts.write()
    }
  }
}
