import BrokerConformance
import Foundation
import GRDB
import Logging
import Synchronization
import Testing
import Warren
import WarrenGRDB
import WarrenOperations
import WarrenRabbitMQ

private struct Index: JobMessage {
  static let name: MessageName = "index"
  @TaskLocal static var place: Queue = "none"
  static var queue: Queue { place }
  var number: Int
}

/// Keys and cancelled jobs by a store beside RabbitMQ, which knows of neither. The figures are those of issue 15.
@Suite(.enabled(if: RealBroker.isThere, RealBroker.note), .serialized)
struct StoredKeyTests {
  private static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

  /// What the handler saw, and when.
  private typealias Handled = Log<(number: Int, time: ContinuousClock.Instant)>

  /// Runs `body` beside a worker with a store in the same database, which `open` opens again, as other processes do.
  private func working(
    _ body:
      @escaping @Sendable (RabbitMQBroker, _ handled: Handled, _ open: @Sendable () throws -> DatabasePool)
      async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("warren-keys-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    @Sendable func open() throws -> DatabasePool {
      var configuration = Configuration()
      configuration.busyMode = .timeout(30)
      let database = try DatabasePool(path: folder.appendingPathComponent("app.db").path, configuration: configuration)
      var migrator = DatabaseMigrator()
      migrator.registerWarrenTables()
      try migrator.migrate(database)
      return database
    }
    let handled = Handled()
    try await Index.$place.withValue(Queue(QueueName(Foreign.name()))) {
      let store = DatabaseStore(try open())
      try await RabbitMQBroker.real().withBroker { broker in
        var options = Worker.Options()
        options.store = store
        let worker = try Worker(broker, name: "w", options: options, logger: Self.quiet) {
          On(Index.self) { job, _ in handled.add((job.number, .now)) }.concurrency(4).prefetch(100)
        }
        try await broker.apply(worker.topology)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await worker.run() }
          defer { group.cancelAll() }
          try await body(broker, handled, open)
        }
      }
    }
  }

  @Test func manyRepeatsAreOneRunWithTheLastContent() async throws {
    // The longest delay is one that no machine needs for so few.
    let (tasks, each, longest) = (8, 100, Duration.seconds(3600))
    try await working { broker, handled, open in
      let buses = try (0..<tasks).map { _ in EventBus(broker, source: "test", store: DatabaseStore(try open())) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (task, bus) in buses.enumerated() {
          group.addTask {
            for number in 0..<each {
              let receipt = try await bus.enqueue(
                Index(number: task * each + number),
                unique: .key("k", for: .zero, onRepeat: .debounce(longest: longest)), after: .seconds(10))
              #expect(receipt.isStored)
            }
          }
        }
        try await group.waitForAll()
      }
      // The last of all is known: it comes after the others have got their answers.
      try await buses[0].enqueue(
        Index(number: -1), unique: .key("k", for: .zero, onRepeat: .debounce(longest: longest)), after: .seconds(10))
      let run = try await handled.next()
      #expect(run.number == -1)
      // Every copy has gone, and none of them was handled: the next is another job's.
      _ = try await until {
        try await Foreign.depth(Index.queue.name.rawValue)
      } holds: {
        $0 == 0
      }
      try await buses[0].enqueue(Index(number: -2))
      #expect(try await handled.next().number == -2)
    }
  }

  @Test func ofAHundredAtOnceOneIsStored() async throws {
    try await working { broker, handled, open in
      let bus = EventBus(broker, source: "test", store: DatabaseStore(try open()))
      let results = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<100 {
          group.addTask {
            "\(try await bus.enqueue(Index(number: number), unique: .key("k"), after: .milliseconds(500)).result)"
          }
        }
        return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
      }
      #expect(results == ["stored": 1, "repeated": 99])
      _ = try await handled.next()
      guard case .repeated = try await bus.enqueue(Index(number: 100), unique: .key("k")).result else {
        Issue.record("the window of a day is not over")
        return
      }
      try await bus.enqueue(Index(number: -2))
      #expect(try await handled.next().number == -2)
    }
  }

  @Test func aCancelledJobIsNotHandled() async throws {
    try await working { broker, handled, open in
      let bus = EventBus(broker, source: "test", store: DatabaseStore(try open()))
      let receipt = try await bus.enqueue(Index(number: 1), after: .milliseconds(500))
      try await bus.enqueue(Index(number: 2), after: .milliseconds(500))
      #expect(try await bus.cancel(receipt.id, of: Index.self))
      #expect(try await handled.next().number == 2)
      _ = try await until {
        try await Foreign.depth(Index.queue.name.rawValue)
      } holds: {
        $0 == 0
      }
      try await bus.enqueue(Index(number: -2))
      #expect(try await handled.next().number == -2)
      let error = await #expect(throws: BrokerError.self) { try await bus.update(Index(number: 3), id: receipt.id) }
      #expect(error?.code == .unsupported)
    }
  }

  /// What was committed with a key is kept out when the relay comes to it.
  @Test func aRepeatInAnOutboxIsKeptOutByTheStore() async throws {
    try await working { broker, handled, open in
      let (database, place) = (try open(), Index.queue)
      let outbox = Outbox(database, MessageComposer(source: "test"))
      @Sendable func commit(_ numbers: Int...) async throws {
        try await database.write { db in
          try Index.$place.withValue(place) {
            for number in numbers { try outbox.enqueue(Index(number: number), unique: .key("k"), in: db) }
          }
        }
      }
      let receipts = Log<String>()
      var options = OutboxRelay.Options()
      options.onReceipt = { receipts.add("\($1.result)") }
      let relay = OutboxRelay(outbox, to: broker, store: DatabaseStore(database), options: options, logger: Self.quiet)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await relay.run() }
        defer { group.cancelAll() }
        try await commit(1, 2)
        #expect(try await receipts.next(2) == ["stored", "repeated"])
        #expect(try await handled.next().number == 1)
        // It is done, and its window of a day is not over; nor is it for who publishes without an outbox.
        try await commit(3)
        #expect(try await receipts.next() == "repeated")
        let bus = EventBus(broker, source: "test", store: DatabaseStore(database))
        #expect("\(try await bus.enqueue(Index(number: 4), unique: .key("k")).result)" == "repeated")
        #expect(try await outbox.status().waiting == 0)
        try await bus.enqueue(Index(number: -2))
        #expect(try await handled.next().number == -2)
      }
    }
  }

  /// Operations that have the store free the key of what they delete.
  @Test func theKeyOfWhatIsDeletedIsFree() async throws {
    try await working { broker, _, open in
      let queue = Queue(QueueName(Foreign.name()))
      try await broker.apply(Topology(queues: [queue]))
      let store = DatabaseStore(try open())
      let bus = EventBus(broker, source: "test", store: store)
      let operations = Operations(broker, store: store)
      try await Index.$place.withValue(queue) {
        @Sendable func enqueue(_ number: Int) async throws -> String {
          "\(try await bus.enqueue(Index(number: number), unique: .key("k")).result)"
        }
        func park() async throws {
          try await broker.consume(queue.name, prefetch: 1) { consumer in
            _ = try await broker.settle(
              try await consumer.mustNext(), as: .deadLetter(.init(.rejected), History()))
          }
        }
        #expect(try await [enqueue(1), enqueue(2)] == ["stored", "repeated"])
        try await park()
        #expect(try await enqueue(3) == "repeated")
        let survey = try await until {
          try await operations.survey(.init(origin: queue.name, limit: .max))
        } holds: {
          $0.count == 1
        }
        #expect(try await operations.delete(survey).done == 1)
        #expect(try await [enqueue(4), enqueue(5)] == ["stored", "repeated"])
        #expect(try await operations.purge(queue.name) == 1)
        #expect(try await [enqueue(6), enqueue(7)] == ["stored", "repeated"])
        #expect(try await operations.deleteQueue(queue.name, withMessages: true) == 1)
        try await broker.apply(Topology(queues: [queue]))
        #expect(try await [enqueue(8), enqueue(9)] == ["stored", "repeated"])
      }
    }
  }

  /// A retry and a dead letter that is replayed are the same copy.
  @Test func theMarkOfACopyGoesWithIt() async throws {
    try await working { broker, _, open in
      let queue = Queue(QueueName(Foreign.name()))
      try await broker.apply(Topology(queues: [queue]))
      let bus = EventBus(broker, source: "test", store: DatabaseStore(try open()))
      let header = try await Index.$place.withValue(queue) {
        try await bus.enqueue(Index(number: 1), unique: .key("one two"))
        return try await broker.consume(queue.name, prefetch: 1) { consumer in
          let first = try await consumer.mustNext()
          _ = try await broker.settle(first, as: .retry(at: Date().addingTimeInterval(0.2), History(attempts: 1)))
          let retried = try await consumer.mustNext()
          _ = try await broker.settle(retried, as: .deadLetter(.init(.rejected), History()))
          _ = try await until {
            try await broker.replay(.init(origin: queue.name)).replayed
          } holds: {
            $0 == 1
          }
          let replayed = try await consumer.mustNext()
          _ = try await broker.settle(replayed, as: .complete)
          return [first, retried, replayed].map { $0.message.headers["warren-unique"] }
        }
      }
      #expect(Set(header).count == 1 && header[0]?.hasSuffix(" 86400000 one two") == true)
    }
  }
}
