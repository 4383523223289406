internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Measuring
internal import Warren
internal import WarrenConnect

/// Fills a broker as that of a large system: what the dashboard's pages are measured on. Prints one line of JSON.
@main
struct PagesBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "pages-bench")

  @Option(help: "The broker: sqlite:PATH or amqp://…") var broker: String
  @Option(help: "Queues, which share the messages evenly.") var queues = 100
  @Option(help: "Messages that wait.") var waiting = 0
  @Option(help: "Dead letters, which gave up after three attempts.") var letters = 0

  func run() async throws {
    let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    try await fill(try BrokerAddress(broker).open(logger: quiet))
  }

  private func fill(_ broker: some Broker) async throws {
    let names = (0..<queues).map { QueueName("work.\($0)") }
    let (waiting, letters) = (waiting, letters)
    let begin = Usage.now
    try await broker.withBroker { broker in
      try await broker.apply(try Topology(queues: names.map { Queue($0) }))
      // The dead letters first: then what is taken from a queue is what gives up.
      try await Share.split(names.count, among: 8) { number in
        let count = share(letters, number, names.count)
        try await publish(count, to: names[number], on: broker)
        try await park(count, from: names[number], on: broker)
      }
      try await Share.split(names.count, among: 8) { number in
        try await publish(share(waiting, number, names.count), to: names[number], on: broker)
      }
    }
    begin.report(waiting + letters, ["queues": queues, "waiting": waiting, "letters": letters])
  }
}

/// How many of `total` fall to one of `parts`.
private func share(_ total: Int, _ number: Int, _ parts: Int) -> Int {
  total / parts + (number < total % parts ? 1 : 0)
}

private func publish(_ count: Int, to queue: QueueName, on broker: some Broker) async throws {
  for first in stride(from: 0, to: count, by: 500) {
    let messages = (first..<min(first + 500, count)).map { number in
      let body = #"{"data":{"to":"ann\#(number)@example.org","booking":\#(number),"template":"booking-confirmed"}}"#
      return Publication(
        Message(id: .unique(), name: "email.send", body: Data(body.utf8), timestamp: Date(), source: "bench"),
        to: .queue(queue))
    }
    for result in try await broker.publish(messages) where !result.isStored { throw ExitCode.failure }
  }
}

/// Parks so many messages, with an error of one of five kinds.
private func park(_ count: Int, from queue: QueueName, on broker: some Broker) async throws {
  guard count > 0 else { return }
  try await broker.consume(queue, prefetch: 200) { consumer in
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        guard let delivery = await consumer.next() else { throw ExitCode.failure }
        if number >= 200 { try await group.next() }
        group.addTask {
          let error = ["MailError", "PaymentError", "DecodingError", "HandlerTimeout", "NoSuchBooking"][number % 5]
          var history = History()
          for attempt in 1...3 {
            history.attempts = attempt
            history.note(
              Failure(
                time: Date(), attempt: attempt, error: error, message: "refused after \(number) ms", worker: "bench:1"))
          }
          let reason = DeadLetterReason(.exhausted, "\(error): refused after \(number) ms")
          _ = try await broker.settle(delivery, as: .deadLetter(reason, history))
        }
      }
      try await group.waitForAll()
    }
  }
}
