internal import ArgumentParser
internal import Foundation
internal import Warren
internal import WarrenConnect
internal import WarrenOperations

struct ScheduleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Shows, stops and runs schedules.",
    discussion: """
      Schedules are kept in a store. A SQLite broker is one itself; beside a RabbitMQ it is the application's database, \
      which --store or the variable WARREN_STORE names. Then no broker is needed.
      """,
    subcommands: [List.self, Next.self, Pause.self, Resume.self, Run.self])

  /// Where the schedules are.
  struct Place: ParsableArguments {
    @OptionGroup var options: GlobalOptions
    @OptionGroup var store: StoreOption

    func withSchedules<Result: Sendable>(
      _ body: @Sendable (Schedules) async throws -> Result
    ) async throws -> Result {
      try await CommandError.naming("warren schedule ls") {
        if let store = try store.open() { return try await body(Schedules(store)) }
        return try await options.withOperations { try await body($0.schedules) }
      }
    }

    /// Changes something: in a store that is named directly, otherwise as an operator of the broker, on record.
    func change<Result: Sendable>(
      _ direct: @Sendable (Schedules) async throws -> Result, _ operated: @Sendable (Operations) async throws -> Result,
      _ remotely: (RemoteBroker) async throws -> Result
    ) async throws -> Result {
      try await CommandError.naming("warren schedule ls") {
        if let remote = try options.remoteBroker() { return try await remotely(remote) }
        if let store = try store.open() { return try await direct(Schedules(store)) }
        return try await options.withOperations(operated)
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists all schedules.")
    @OptionGroup var place: Place
    @OptionGroup var watch: WatchOptions

    func run() async throws {
      if let remote = try place.options.remoteBroker() {
        return try Printer(place.options).list(
          try await remote.schedules(), Tables.schedules,
          none: "no schedules: a process whose `Scheduler` has some makes them known when it runs")
      }
      try await place.withSchedules { schedules in
        try await watch.repeating(place.options) {
          try Printer(place.options).list(
            try await schedules.all(), Tables.schedules,
            none: "no schedules: a process whose `Scheduler` has some makes them known when it runs")
        }
      }
    }
  }

  struct Next: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "next", abstract: "Shows when a schedule is due next, whether or not it is paused.")
    @OptionGroup var place: Place
    @Argument(help: "The schedule.") var name: String
    @Option(help: ArgumentHelp("How many times.", valueName: "count")) var limit = CountArgument(count: 5)

    func run() async throws {
      if limit.count > 10_000 { throw ValidationError("--limit: at most 10000") }
      let times = try await place.withSchedules { try await $0.next(limit.count, of: name) }
      let printer = Printer(place.options)
      let format = Format(place.options, printer.terminal)
      try printer.thing(times) { times.map { format.time($0) + "\n" }.joined() }
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pause", abstract: "Leaves out what is due, until it is resumed.")
    @OptionGroup var place: Place
    @Argument(help: "The schedule.") var name: String

    func run() async throws {
      let status = try await place.change(
        { try await $0.pause(name) }, { try await $0.pauseSchedule(name) },
        { try await $0.changed(name, by: "pause") })
      try Printer(place.options).thing(status) { "paused \(Text.printable(status.name))\n" }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "resume", abstract: "Goes on with a paused schedule from now on.")
    @OptionGroup var place: Place
    @Argument(help: "The schedule.") var name: String

    func run() async throws {
      let status = try await place.change(
        { try await $0.resume(name) }, { try await $0.resumeSchedule(name) },
        { try await $0.changed(name, by: "resume") })
      try Printer(place.options).thing(status) { "resumed \(Text.printable(status.name))\n" }
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run", abstract: "Asks for a run now, beside what is due.",
      discussion: "Prints the job's id. The process that runs the schedule enqueues it within a second or two.")
    @OptionGroup var place: Place
    @Argument(help: "The schedule.") var name: String

    func run() async throws {
      let asked = Asked(
        job: try await place.change(
          { try await $0.run(name) }, { try await $0.runSchedule(name) }, { try await $0.runSchedule(name) }))
      try Printer(place.options).thing(asked) { "\(asked.job)\n" }
    }
  }

  private struct Asked: Codable, Sendable {
    var job: MessageID
  }
}
