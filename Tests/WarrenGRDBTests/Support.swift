import BrokerConformance
import Foundation
import GRDB
import Logging
import Synchronization
import Testing
import Warren
import WarrenGRDB
import WarrenSQLite
import WarrenTesting

struct Booked: EventMessage {
  static let name: MessageName = "booking.created"
  var number: Int
}
struct Remind: JobMessage {
  static let name: MessageName = "booking.remind"
  static let queue: Queue = "reminders"
  var number: Int
}

let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
let bookings = Exchange.topic("bookings")

/// An application's database, in memory or in a file that goes with the test, with an outbox.
final class Application: Sendable {
  let database: any DatabaseWriter
  let outbox: Outbox
  private let folder: URL?
  var path: String { database.path }

  init(inFile: Bool = false, clock: any BrokerClock = SystemClock(), configuration: Configuration = Configuration())
    throws
  {
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    migrator.registerMigration("bookings") { try $0.execute(sql: "CREATE TABLE booking (number INTEGER PRIMARY KEY)") }
    if inFile {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("warren-outbox-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      self.folder = folder
      database = try DatabasePool(path: folder.appendingPathComponent("app.db").path, configuration: configuration)
    } else {
      folder = nil
      database = try DatabaseQueue(configuration: configuration)
    }
    try migrator.migrate(database)
    outbox = Outbox(database, MessageComposer(source: "app", exchange: bookings, clock: clock), clock: clock)
  }
  deinit { if let folder { try? FileManager.default.removeItem(at: folder) } }

  @discardableResult func book(_ number: Int, orderedBy order: String? = nil) async throws -> MessageID {
    try await database.write { [outbox] db in
      try db.execute(sql: "INSERT INTO booking VALUES (?)", arguments: [number])
      return try outbox.publish(Booked(number: number), orderedBy: order, in: db)
    }
  }
  func waiting() async throws -> Int { try await outbox.status().waiting }

  /// Returns when the relay has carried everything over, which must happen.
  func drained() async throws {
    let count = ValueObservation.tracking { try Int.fetchOne($0, sql: "SELECT count(*) FROM warren_outbox") }
    try await within { [database] in
      for try await waiting in count.values(in: database) where waiting == 0 { return }
    }
  }
}

/// Runs `body` beside the engine and a relay to it.
func relaying(
  _ application: Application, through broker: @escaping @Sendable (SQLiteBroker) -> any Broker = { $0 },
  options: OutboxRelay.Options = .init(), _ body: @escaping @Sendable (SQLiteBroker) async throws -> Void
) async throws {
  try await SQLiteBroker.inMemory().withBroker { engine in
    try await engine.apply(
      Topology(
        exchanges: [bookings], queues: ["all", Remind.queue], bindings: [Binding("all", to: bookings.name, key: "#")]))
    try await withThrowingTaskGroup(of: Void.self) { group in
      let relay = OutboxRelay(application.outbox, to: broker(engine), options: options, logger: quiet)
      group.addTask { try await relay.run() }
      try await body(engine)
      group.cancelAll()
    }
  }
}

/// The next messages of a queue, which are completed.
func take(_ count: Int, from queue: QueueName, _ broker: SQLiteBroker) async throws -> [Message] {
  try await broker.consume(queue, prefetch: 10) { consumer in
    var messages: [Message] = []
    for _ in 0..<count {
      let delivery = try await consumer.mustNext()
      messages.append(delivery.message)
      _ = try await broker.settle(delivery, as: .complete)
    }
    return messages
  }
}

/// An engine whose answers a test decides; the rest goes through.
struct Deciding: ForwardingBroker {
  let base: SQLiteBroker
  var isOneByOne = false
  let decide: @Sendable ([Publication]) throws(BrokerError) -> [BrokerError?]

  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    if isOneByOne { capabilities.storesBatchesAsOne = false }
    return capabilities
  }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    let refused = try decide(publications)
    let taken = zip(publications, refused).filter { $0.1 == nil }.map(\.0)
    var results = try await base.publish(taken)[...]
    return refused.map { error in error.map { .failed($0) } ?? results.removeFirst() }
  }
}
