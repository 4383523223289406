internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Measuring
internal import ServiceLifecycle
internal import Warren
internal import WarrenConnect

struct Invoice: JobMessage {
  static let name: MessageName = "bench.invoice"
  static let queue: Queue = "bench.0"
  var number: Int
  var customer: String
  var note = "an invoice, with a note that is as long as notes are"
}

/// Fills a broker with what a dashboard has to show: many queues, many messages that wait, many dead letters.
@main struct DashboardBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "dashboard-bench")

  @Option(help: "sqlite:PATH or amqp://…") var broker: String
  @Option var queues = 1000
  @Option(help: "Messages that wait, spread over the queues.") var messages = 1_000_000
  @Option(help: "Dead letters, all of the first queue.") var dead = 200_000

  func run() async throws {
    let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    let broker: any InspectableBroker = try BrokerAddress(broker).open(logger: quiet)
    let (queues, messages, dead) = ((0..<queues).map { Queue(QueueName("bench.\($0)")) }, messages, dead)
    let begin = Usage.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      try await broker.apply(try Topology(queues: queues))
      try await bury(dead, broker, quiet)
      try await fill(queues, messages, broker)
      let holding = try await broker.queues().reduce(0) { $0 + $1.ready }
      begin.report(messages + dead, ["holding": holding])
      group.cancelAll()
    }
  }

  /// Every hundredth number fails in a way of its own, so that there are failures to be grouped.
  private func bury(_ count: Int, _ broker: any InspectableBroker, _ logger: Logger) async throws {
    if count == 0 { return }
    let done = Gate(count)
    let worker = try Worker(broker, name: "bench", logger: logger) {
      On(Invoice.self) { invoice, _ in
        done.count()
        if invoice.number % 100 == 0 { throw Outcome.deadLetter("no address") }
        throw Outcome.deadLetter("no customer has the number \(invoice.number)")
      }.concurrency(200).prefetch(1000)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      try await fill([Invoice.queue], count, broker)
      await done.wait()
      // The last of them are settled after their handlers.
      while try await broker.queue(Invoice.queue.name)?.running != 0 { try await Task.sleep(for: .milliseconds(100)) }
      group.cancelAll()
    }
  }

  private func fill(_ queues: [Queue], _ count: Int, _ broker: any Broker) async throws {
    let size = 1000
    let encoder = JSONEncoder()
    for start in stride(from: 0, to: count, by: size) {
      let batch = try (start..<min(start + size, count)).map { number in
        let message = Message(
          id: .unique(), name: Invoice.name,
          body: try encoder.encode(Invoice(number: number, customer: "customer \(number % 977)")))
        return Publication(message, to: .queue(queues[number % queues.count].name))
      }
      _ = try await broker.publish(batch)
    }
  }
}
