internal import ArgumentParser
internal import Foundation
internal import GRDB
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite

/// From just before the write to the first line of the handler, when nothing else happens; outbox and inbox on.
struct Latency: AsyncParsableCommand {
  enum Role: String, ExpressibleByArgument { case both, publish, work }

  @OptionGroup var place: Place
  @Option var messages = 1000
  @Option(help: "Bookings a second.") var rate = 100
  @Option(help: "both, or one half of it in a process of its own: publish, work.") var role = Role.both
  @Flag(help: "This process relays.") var relays = false

  func run() async throws {
    let (database, outbox, broker) = try place.open()
    let (role, relays, messages) = (role, relays, messages)
    let done = Handled(messages)
    let times = Mutex<[Double]>([])
    let worker = try makeWorker(broker, Inbox(database)) { event in
      times.withLock { $0.append(Double(clockNanoseconds() - event.sent) / 1e6) }
    } handled: {
      done.note($0.number)
    }
    let command = self
    try await broker.withBroker { broker in
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        if role != .publish { group.addTask { try await worker.run() } }
        if relays { group.addTask { try await OutboxRelay(outbox, to: broker, logger: quiet).run() } }
        try await Task.sleep(for: .seconds(1))
        if role == .work { FileHandle.standardError.write(Data("ready\n".utf8)) }
        if role != .work { try await command.publish(database, outbox) }
        if role == .publish {
          while try await outbox.status().waiting > 0 { try await Task.sleep(for: .milliseconds(50)) }
        } else {
          await done.all()
          let measured = times.withLock { Array($0.dropFirst(messages / 10)) }
          let left = try await broker.queues().first?.ready ?? -1
          report(
            quantiles(measured).merging([
              "n": measured.count, "handled": done.distinct, "twice": done.repeats, "left": left,
              "tickets": try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM ticket") } ?? 0,
            ]) { $1 })
        }
        group.cancelAll()
      }
    }
  }

  private func makeWorker(
    _ broker: SQLiteBroker, _ inbox: Inbox, began: @escaping @Sendable (Booked) -> Void,
    handled: @escaping @Sendable (Booked) -> Void
  ) throws -> Worker {
    try Worker(broker, name: "bench", logger: quiet) {
      Subscription("bench", on: "bench", to: "#") {
        On(Booked.self) { event, context in
          began(event)
          try await inbox.once(context, "ticket") { db in try issueTicket(event.number, in: db) }
          handled(event)
        }
      }
    }
  }

  private func publish(_ database: DatabasePool, _ outbox: Outbox) async throws {
    let begin = ContinuousClock.now
    for number in 0..<messages {
      try await Task.sleep(until: begin + .microseconds(1_000_000 / rate) * number, tolerance: .zero)
      let sent = clockNanoseconds()
      try await database.write { db in
        try book(number, in: db)
        try outbox.publish(Booked(number: number, sent: sent), in: db)
      }
    }
  }
}
