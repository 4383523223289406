internal import ArgumentParser
internal import Foundation
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
      let view = try await options.withOperations {
        try await $0.publish(composition, to: exchange, key: key, source: content.source)
      }
      try Printer(options).thing(view) { "\(view.id)\n" }
      if view.result == .unroutable {
        throw Complaint(
          .nothing, "no queue wanted the event, so it was stored nowhere",
          next: "check the exchange and the key; a service binds its queues when it applies its topology")
      }
    }
  }
}

struct JobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Enqueues jobs.", subcommands: [Enqueue.self])

  struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "enqueue", abstract: "Enqueues a job.", discussion: "Prints the job's id.")
    @OptionGroup var options: GlobalOptions
    @Argument(help: "The queue.") var queue: QueueName
    @Argument(help: "What the job is called.") var name: MessageName
    @OptionGroup var content: ContentOptions
    @Option(help: ArgumentHelp("Not before this much time has passed: 5m, 1h30m.", valueName: "duration"))
    var after: DurationArgument?
    @Option(help: ArgumentHelp("Not before this time, in ISO 8601 with its zone.", valueName: "time"))
    var at: TimeArgument?

    func validate() throws {
      if after != nil, at != nil { throw ValidationError("--after and --at: only one of both") }
    }

    func run() async throws {
      var composition = try content.composition(name)
      composition.notBefore = at?.date ?? after.map { Date().addingTimeInterval($0.seconds) }
      let job = composition
      let view = try await options.withOperations {
        try await $0.enqueue(job, to: queue, source: content.source)
      }
      try Printer(options).thing(view) { "\(view.id)\n" }
      if view.result == .repeated {
        Talk.say("the queue has, or lately had, a job with this id: it was not stored again")
      }
    }
  }
}

/// The content of a message, and what travels with it.
struct ContentOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The content as JSON, or - to read it from stdin (default: {}).", valueName: "json|-"))
  var data: String?
  @Option(name: .customLong("header"), help: ArgumentHelp("A header; may be repeated.", valueName: "name=value"))
  var headers: [HeaderArgument] = []
  @Option(help: ArgumentHelp("An id of your own; it keeps repeats of a job out.", valueName: "id")) var id: MessageID?
  @Option(help: ArgumentHelp("Which message goes first, 0 to 9.", valueName: "number")) var priority: UInt8 = 4
  @Option(help: ArgumentHelp("Who publishes it.", valueName: "name")) var source = "warren"
  @Flag(help: "Publish the content alone, without Warren's envelope of type, timestamp and data.") var plain = false

  func validate() throws {
    if priority > 9 { throw ValidationError("--priority: 0 to 9") }
  }

  func composition(_ name: MessageName) throws -> Composition {
    let text = data == "-" ? String(decoding: try Input.read("-"), as: UTF8.self) : data ?? "{}"
    let document: JSONText
    do {
      document = try JSONText(parsing: text)
    } catch {
      throw Complaint(
        .usage, "--data is no JSON: \(error)",
        next: "quote it for the shell, such as --data '{\"id\": 7}', or use --data -")
    }
    return Composition(
      name, data: document, isPlain: plain,
      headers: Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }), id: id,
      priority: Priority(integerLiteral: priority))
  }
}
