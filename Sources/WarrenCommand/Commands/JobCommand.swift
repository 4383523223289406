internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenOperations

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
    @Option(
      help: ArgumentHelp("Not before this time, in ISO 8601 with its zone: 2030-01-31T18:00:00Z.", valueName: "time"))
    var at: TimeArgument?
    @Option(
      help: ArgumentHelp(
        "Keeps repeats out while the queue has the job and for a day after; with RabbitMQ by --store.", valueName: "key"
      ))
    var unique: String?
    @OptionGroup var store: StoreOption

    func validate() throws {
      if after != nil, at != nil { throw ValidationError("--after and --at: only one of both") }
    }

    func run() async throws {
      var composition = try content.composition(name)
      composition.notBefore = at?.date ?? after.map { Date().addingTimeInterval($0.seconds) }
      composition.unique = unique.map { .key($0) }
      let job = composition
      let view = try await options.withOperations(store: unique == nil ? nil : store.open()) {
        content.note($0.broker)
        return try await $0.enqueue(job, to: queue, source: content.source)
      }
      try Printer(options).thing(view) { "\(view.id)\n" }
      if view.result == .repeated {
        StandardError.print("the queue has, or lately had, a job with this key: it was not stored again")
      }
    }
  }
}
