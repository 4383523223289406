internal import ArgumentParser
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals
internal import Warren

/// Takes deliveries and sits on them until it is told to stop, or killed.
struct Hold: AsyncParsableCommand {
  @OptionGroup var broker: BrokerOption
  @Option var queue: String
  @Option var count: Int

  func run() async throws {
    let broker = try broker.open()
    try await serve(broker, Holder(broker: broker, queue: QueueName(queue), count: count))
  }

  private struct Holder: Service {
    let broker: any Broker
    let queue: QueueName
    let count: Int

    func run() async throws {
      try await broker.consume(queue, prefetch: count) { consumer in
        for _ in 0..<count { _ = await consumer.next() }
        say("holding \(count)")
        try await gracefulShutdown()
      }
    }
  }
}

/// Completes what it gets and notes its id, once it has failed as often as the id asks for; dies of a poison.
struct Work: AsyncParsableCommand {
  @OptionGroup var broker: BrokerOption
  @Option var queue: String
  @Option(help: "SIGKILL from its own hand when a message has this body.") var poison: String?
  @Option(help: "Where to note the ids of what was handled.") var log: String?

  func run() async throws {
    let broker = try broker.open()
    let book = try log.map { try Book(path: $0) }
    let worker = try Worker(
      broker, name: "ledger-\(getpid())", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    ) {
      Subscription(Queue(QueueName(queue)).adopted()) {
        OnAny { message, context in
          if String(decoding: message.body, as: UTF8.self) == poison { kill(getpid(), SIGKILL) }
          let fate = Fate(message.id)
          // Long enough to be killed in.
          if book != nil { try await Task.sleep(for: .milliseconds(Int.random(in: 0...20))) }
          if context.attempt <= fate.failures { throw Unlucky() }
          if let id = message.id { try book?.note(id.rawValue) }
        }
      }
      .retry(.fixed([.milliseconds(20), .milliseconds(40)]))
      .concurrency(20)
    }
    say("working")
    try await serve(broker, worker)
  }
}

/// Publishes the messages of its share that its own book does not have yet, several at a time.
struct Publish: AsyncParsableCommand {
  @OptionGroup var broker: BrokerOption
  @Option var queue: String
  @Option var prefix: String
  @Option(help: "The first number.") var from: Int
  @Option(help: "The number after the last.") var to: Int
  @Option(help: "Where to note the ids of what was published.") var log: String

  func run() async throws {
    let broker = try broker.open()
    let known = try Book.read(log)
    let book = try Book(path: log)
    let missing = (from..<to).map { "\(prefix)-\($0)" }.filter { !known.contains($0) }
    try await serve(broker, Publisher(broker: broker, queue: QueueName(queue), ids: missing, book: book))
  }

  private struct Publisher: Service {
    let broker: any Broker
    let queue: QueueName
    let ids: [String]
    let book: Book

    func run() async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for lane in 0..<8 {
          group.addTask {
            for index in stride(from: lane, to: ids.count, by: 8) {
              let message = Message(
                id: MessageID(ids[index]), name: "ledger.entry", body: Data(ids[index].utf8), timestamp: Date())
              let result = try await broker.publish([Publication(message, to: .queue(queue))])[0]
              guard result.isStored else { throw Unlucky() }
              try book.note(ids[index])
              // At full speed it would be over before anyone could be killed.
              try await Task.sleep(for: .milliseconds(15))
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}

/// What a message of the ledger is to go through; read off its number, so that every process knows it.
struct Fate {
  /// How many attempts fail.
  let failures: Int

  init(_ id: MessageID?) {
    let number = id.flatMap { Int($0.rawValue.split(separator: "-").last ?? "") } ?? 1
    failures = number % 100 == 0 ? .max : number % 10 == 0 ? 1 : 0
  }
  /// Whether it ends as a dead letter.
  var isParked: Bool { failures == .max }
}

struct Unlucky: Error {}

/// Runs a role beside its broker; ends when the role does or at SIGTERM.
func serve(_ broker: any Broker, _ role: any Service) async throws {
  let group = ServiceGroup(
    configuration: .init(
      services: [
        .init(service: broker),
        .init(
          service: role, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup),
      ],
      gracefulShutdownSignals: [.sigterm], logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
  try await group.run()
}

/// A line on standard output, at once.
func say(_ text: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}
