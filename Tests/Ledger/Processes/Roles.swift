internal import ArgumentParser
internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals
internal import Warren

/// Takes deliveries and sits on them until it is told to stop, or killed.
struct Hold: AsyncParsableCommand {
  @OptionGroup var option: BrokerOption
  @Option var queue: String
  @Option var count: Int
  @Flag(help: "Say of each that it is handled from now on.") var begins = false

  func run() async throws {
    let broker = try option.open()
    try await serve(
      broker, Holder(broker: broker, queue: QueueName(queue), count: count, begins: begins), option.logger)
  }

  private struct Holder: Service {
    let broker: any Broker
    let queue: QueueName
    let count: Int
    let begins: Bool

    func run() async throws {
      try await broker.consume(queue, prefetch: count) { consumer in
        for _ in 0..<count {
          guard let delivery = await consumer.next() else { break }
          if begins { _ = try await broker.begin(delivery) }
        }
        say("holding \(count)")
        try await gracefulShutdown()
      }
    }
  }
}

/// Completes what it gets and notes its id, once it has failed as often as the id asks for; dies of a poison.
struct Work: AsyncParsableCommand {
  @OptionGroup var option: BrokerOption
  @Option var queue: String
  @Option(help: "SIGKILL from its own hand when a message has this body.") var poison: String?
  @Option(help: "Its handler does not end by itself when a message has this body.") var hangsOn: String?
  @Option(help: "Where to note the ids of what was handled.") var log: String?

  func run() async throws {
    let broker = try option.open()
    let book = try log.map { try Book(path: $0) }
    let worker = try Worker(
      broker, name: "ledger-\(getpid())", logger: option.logger
    ) {
      Subscription(Queue(QueueName(queue)).adopted()) {
        OnAny { message, context in
          if String(decoding: message.body, as: UTF8.self) == poison { kill(getpid(), SIGKILL) }
          if String(decoding: message.body, as: UTF8.self) == hangsOn { try await Task.sleep(for: .seconds(3600)) }
          let fate = Fate(message.id)
          // Long enough to be killed in.
          if book != nil { try await Task.sleep(for: .milliseconds(Int.random(in: 0...20))) }
          if context.attempt <= fate.failures { throw ExpectedFailure() }
          if let id = message.id { try book?.note(id.rawValue) }
        }
      }
      .retry(.fixed([.milliseconds(20), .milliseconds(40)]))
      .concurrency(20)
    }
    say("working")
    try await serve(broker, worker, option.logger)
  }
}

/// Publishes the messages of its share that its own book does not have yet, several at a time, each again until it is
/// stored. At SIGTERM it finishes what it has begun.
struct Publish: AsyncParsableCommand {
  @OptionGroup var option: BrokerOption
  @Option var queue: String
  @Option var prefix: String
  @Option(help: "The first number.") var from: Int
  @Option(help: "The number after the last.") var to: Int
  @Option(help: "Milliseconds between two messages of one task: at full speed none would be killed in between.")
  var pause = 15
  @Option(help: "Where to note the ids of what was published.") var log: String

  func run() async throws {
    let broker = try option.open()
    let supply = Supply(prefix: prefix, range: from..<to, known: Set(try Book.read(log).map(\.id)))
    let publisher = Publisher(
      broker: broker, queue: QueueName(queue), supply: supply, book: try Book(path: log), pause: pause,
      logger: option.logger)
    try await serve(broker, publisher, option.logger)
  }

  /// What is left to publish, for all tasks.
  private final class Supply: Sendable {
    private let prefix: String
    private let known: Set<String>
    private let rest: Mutex<Range<Int>>

    init(prefix: String, range: Range<Int>, known: Set<String>) {
      self.prefix = prefix
      self.known = known
      rest = Mutex(range)
    }
    func next() -> String? {
      rest.withLock { rest in
        while let number = rest.popFirst() {
          let id = "\(prefix)-\(number)"
          if !known.contains(id) { return id }
        }
        return nil
      }
    }
  }

  private struct Publisher: Service {
    let broker: any Broker
    let queue: QueueName
    let supply: Supply
    let book: Book
    let pause: Int
    let logger: Logger

    func run() async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            while !Task.isShuttingDownGracefully, let id = supply.next() {
              try await publish(id)
              try book.note(id)
              try await Task.sleep(for: .milliseconds(pause))
            }
          }
        }
        try await group.waitForAll()
      }
    }

    private func publish(_ id: String) async throws {
      let message = Message(id: MessageID(id), name: "ledger.entry", body: Data(id.utf8), timestamp: Date())
      while true {
        do {
          let result = try await broker.publish([Publication(message, to: .queue(queue))])[0]
          if let error = result.error { throw error }
          if result == .unroutable { throw ExpectedFailure() }
          return
        } catch let error as BrokerError where error.isRetryable {
          logger.warning("published again", metadata: ["id": "\(id)", "error": "\(error)"])
          try await Task.sleep(for: .milliseconds(100))
        }
      }
    }
  }
}

struct ExpectedFailure: Error {}

/// Runs a role beside its broker; ends when the role does or at SIGTERM.
func serve(_ broker: any Broker, _ role: any Service, _ logger: Logger) async throws {
  let group = ServiceGroup(
    configuration: .init(
      services: [
        .init(service: broker),
        .init(
          service: role, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup),
      ],
      gracefulShutdownSignals: [.sigterm], logger: logger))
  try await group.run()
}

/// A line on standard output, at once.
func say(_ text: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
}
