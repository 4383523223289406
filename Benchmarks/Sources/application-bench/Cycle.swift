internal import ArgumentParser
internal import GRDB
internal import Measuring
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

/// Commit, relay, handle: many writers with group commit, events ordered by key.
struct Cycle: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 50_000
  @Option var writers = 100
  @Option var keys = 1000
  @Flag(help: "Each event is handled through an inbox.") var inbox = false

  func run() async throws {
    let (database, outbox, broker) = try place.open()
    let (messages, writers, keys, usesInbox) = (messages, writers, keys, inbox)
    let (done, order) = (Handled(messages), KeyOrder(keys))
    let inbox = Inbox(database)
    var options = OutboxRelay.Options()
    options.onReceipt = { publication, _ in order.published(publication) }
    let relay = OutboxRelay(outbox, to: broker, options: options, logger: quiet)
    try await broker.withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        Subscription("bench", on: "bench", to: "#") {
          On(Booked.self) { event, context in
            if usesInbox {
              try await inbox.once(context, "ticket") { db in try issueTicket(event.number, in: db) }
            }
            done.note(event.number)
          }
        }.prefetch(200).concurrency(usesInbox ? 200 : 100)
      }
      try await broker.apply(worker.topology)
      var used = Usage.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        group.addTask { try await relay.run() }
        let writer = GroupedWriter(database)
        let begin = Usage.now
        try await Share.split(messages, among: writers) { number in
          try await writer.write { db in
            try book(number, in: db)
            let key = number % keys
            // Writes run one at a time, so these are the places of the commits.
            let event = Booked(number: number, position: order.next(key))
            try outbox.publish(event, orderedBy: "key \(key)", in: db)
          }
        }
        await done.all()
        used = Usage.now - begin
        while try await outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(10)) }
        group.cancelAll()
      }
      report([
        "case": usesInbox ? "outbox cycle with inbox" : "outbox cycle", "n": messages, "secs": used.wall,
        "per_s": Double(messages) / used.wall, "cpu_s_per_100k": used.cpu * 100_000 / Double(messages),
        "handled": done.distinct, "twice": done.repeats, "left": try await broker.queues().first?.ready ?? -1,
        "published": order.count, "out_of_order": try order.misplaced(),
      ])
    }
  }
}
