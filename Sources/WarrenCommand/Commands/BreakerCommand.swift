internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct BreakerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "breaker", abstract: "Shows and closes circuit breakers that are open.",
    discussion: """
      A worker keeps what its breakers do in a store. A SQLite broker is one itself; beside a RabbitMQ it is the application's \
      database, which --store or the variable WARREN_STORE names.
      """,
    subcommands: [List.self, Reset.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists the breakers that are open.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var store: StoreOption
    @OptionGroup var watch: WatchOptions

    func run() async throws {
      try await options.withBreakers(store.open()) { breakers in
        try await watch.repeating(options) {
          try Printer(options).list(try await breakers.all(), Tables.breakers, none: "no breaker is open")
        }
      }
    }
  }

  struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reset", abstract: "Closes the breakers of a dependency in all workers, within about a second.",
      discussion: "If the dependency is still away they open again after as many failures as their rule says.")
    @OptionGroup var options: GlobalOptions
    @OptionGroup var store: StoreOption
    @Argument(help: "What the breaker keeps away from, such as mail-server.") var dependency: String

    func run() async throws {
      let name = DependencyName(dependency)
      let count = try await CommandError.naming("warren breaker ls") {
        // On record as an operator's doing where the broker is the store.
        if let store = try store.open() { return try await Breakers(store).reset(name) }
        return try await options.withOperations { try await $0.resetBreaker(name) }
      }
      let asked = Asked(dependency: dependency, workers: count)
      try Printer(options).thing(asked) {
        "asked \(count == 1 ? "1 worker" : "\(count) workers") to close '\(Text.printable(dependency))'\n"
      }
    }
  }

  private struct Asked: Codable, Sendable {
    var dependency: String
    var workers: Int
  }
}

extension GlobalOptions {
  /// The breakers in the store that is named, else in the broker.
  fileprivate func withBreakers<Result: Sendable>(
    _ store: (any StateStore)?, _ body: @Sendable (Breakers) async throws -> Result
  ) async throws -> Result {
    if let store { return try await body(Breakers(store)) }
    return try await withOperations { try await body($0.breakers) }
  }
}
