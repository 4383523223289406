internal import ArgumentParser
internal import Measuring
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

struct CleanUp: JobMessage {
  static let name: MessageName = "bench.clean-up"
  static let queue: Queue = "clean-up"
}

/// What a whole application costs that has nothing to do: worker with a breaker, inbox, relay, schedules.
struct Idle: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var seconds = 20

  func run() async throws {
    let (database, outbox, broker) = try place.open()
    let (inbox, seconds) = (Inbox(database), seconds)
    try await broker.withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        Subscription("bench", on: "bench", to: "#") {
          On(Booked.self) { event, context in
            try await inbox.once(context, "ticket") { db in try issueTicket(event.number, in: db) }
          }
        }.breaker("bench")
        On(CleanUp.self) { _, _ in }.breaker("bench")
      }
      let bus = EventBus(broker, source: "bench", topology: worker.topology)
      let scheduler = try Scheduler(bus, logger: quiet) {
        Schedule("nightly", .cron("0 3 * * *", in: "Europe/Berlin")) { CleanUp() }
        Schedule("daily", .every(.seconds(86_400))) { CleanUp() }
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() }
        group.addTask { try await inbox.run() }
        group.addTask { try await scheduler.run() }
        // What all of them do when they begin is over by then.
        try await Task.sleep(for: .seconds(2))
        let begin = Usage.now
        try await Task.sleep(for: .seconds(seconds))
        let used = Usage.now - begin
        report(["case": "idle", "secs": used.wall, "percent": used.cpu * 100 / used.wall])
        group.cancelAll()
      }
    }
  }
}
