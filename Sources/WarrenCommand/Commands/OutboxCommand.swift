internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenConnect
internal import WarrenOperations

struct OutboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outbox", abstract: "Shows what waits in an application's outbox, and what hangs there.",
    discussion: """
      An outbox is in the application's own database, which --database or the variable WARREN_OUTBOX names; no broker is \
      needed. Who retried or discarded is written to the file of --audit-file.
      """,
    subcommands: [Status.self, List.self, Retry.self, Discard.self])

  /// Where the outbox is.
  struct Place: ParsableArguments {
    @OptionGroup var options: GlobalOptions
    @Option(
      help: ArgumentHelp("The application's database: sqlite:PATH (default: $WARREN_OUTBOX).", valueName: "url"),
      completion: .file())
    var database: String?

    func operations() throws -> OutboxOperations {
      guard let text = database ?? ProcessInfo.processInfo.environment["WARREN_OUTBOX"], !text.isEmpty else {
        throw CommandError(
          .usage, "which outbox?",
          next: "name the application's database with --database sqlite:PATH, or set WARREN_OUTBOX for all commands")
      }
      return options.operations(on: try BrokerAddress(text).openOutbox())
    }
  }

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "status", abstract: "How many wait, for how long, and whether a relay works.",
      discussion: """
        The exit status is 0 when all is well and 1 when something is not: a message could not be published, or the oldest \
        has waited for longer than --patience.
        """)
    @OptionGroup var place: Place
    @OptionGroup var watch: WatchOptions
    @Option(help: ArgumentHelp("How long a message may wait.", valueName: "duration"))
    var patience = DurationArgument(seconds: 30)

    private struct Shown: Codable {
      var waiting: Int
      var failing: Int
      var lagSeconds: Double
      var isRelayed: Bool
      var findings: [Finding]
    }

    func run() async throws {
      let outbox = try place.operations()
      let isWell = try await watch.repeating(place.options) {
        let status = try await outbox.status()
        let findings = try await outbox.findings(patience: .clamped(seconds: patience.seconds))
        let printer = Printer(place.options)
        let shown = Shown(
          waiting: status.waiting, failing: status.failing, lagSeconds: status.lag / .seconds(1),
          isRelayed: status.isRelayed, findings: findings)
        try printer.thing(shown) {
          printer.card([
            ("waiting", "\(status.waiting)"), ("failing", "\(status.failing)"),
            ("oldest", status.waiting == 0 ? "" : Format.short(status.lag / .seconds(1))),
            ("relay", status.isRelayed ? "works" : "none"),
          ]) + findings.map { FindingText.lines($0, printer) }.joined()
        }
        return findings.allSatisfy { $0.severity == .fine }
      }
      if !isWell { throw ExitStatus.failure }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "Lists the messages that wait, the oldest first.")
    @OptionGroup var place: Place
    @OptionGroup var watch: WatchOptions
    @Flag(help: "Only those that could not be published, with what they failed with.") var failing = false
    @Option(help: ArgumentHelp("At most this many.", valueName: "count")) var limit = CountArgument(count: 100)

    func run() async throws {
      let outbox = try place.operations()
      try await watch.repeating(place.options) {
        let printer = Printer(place.options)
        if failing {
          try printer.list(
            try await outbox.failing(limit: limit.count), Tables.failingPublications, none: "nothing fails")
        } else {
          try printer.list(
            try await outbox.waiting(limit: limit.count), Tables.waitingPublications,
            none: "nothing waits: all was published")
        }
      }
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retry", abstract: "Publishes what has failed again at once, such as after its cause was corrected.")
    @OptionGroup var place: Place

    private struct Retried: Codable { var retried: Int }

    func run() async throws {
      let outbox = try place.operations()
      let count = try await outbox.retry()
      try Printer(place.options).thing(Retried(retried: count)) { "\(count) retried\n" }
      if count > 0, try await !outbox.status().isRelayed {
        StandardError.print("no process relays this outbox now: the next that does publishes them")
      }
    }
  }

  struct Discard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "discard", abstract: "Deletes a message that can never be published. Asks first.")
    @OptionGroup var place: Place
    @OptionGroup var confirmation: Confirmation
    @Argument(help: "The id of the message.") var id: MessageID

    private struct Discarded: Codable { var discarded: MessageID }

    func run() async throws {
      let outbox = try place.operations()
      try confirmation.obtain(
        "Discard the message \(Text.printable(id.rawValue))? It will never be published.", place.options)
      try await CommandError.naming("warren outbox ls") { try await outbox.discard(id) }
      try Printer(place.options).thing(Discarded(discarded: id)) { "discarded \(Text.printable(id.rawValue))\n" }
    }
  }
}
