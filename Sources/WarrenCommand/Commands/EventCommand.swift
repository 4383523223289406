internal import ArgumentParser
internal import Warren
internal import WarrenOperations

struct EventCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "event", abstract: "Publishes events.", subcommands: [Publish.self])

  struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "publish", abstract: "Publishes an event to an exchange.",
      discussion: "Prints the event's id. The exit status is 4 when no queue wanted the event.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The exchange.") var exchange: ExchangeName
    @Argument(help: "What the event is called.") var name: MessageName
    @Option(help: ArgumentHelp("The routing key (default: the name).", valueName: "key")) var key: RoutingKey?
    @OptionGroup var content: ContentOptions

    func run() async throws {
      let composition = try content.composition(name)
      let view = try await CommandError.naming("warren topology show") {
        try await options.withOperations {
          content.note($0.broker)
          return try await $0.publish(composition, to: exchange, key: key, source: content.source)
        }
      }
      try Printer(options).thing(view) { "\(view.id)\n" }
      if view.result == .unroutable {
        throw CommandError(
          .nothing, "no queue wanted the event, so it was stored nowhere",
          next: "check the exchange and the key; a service binds its queues when it applies its topology")
      }
    }
  }
}
