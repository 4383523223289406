internal import BrokerConformance
internal import Foundation
internal import GRDB
internal import Logging
internal import ServiceLifecycle
internal import Warren
internal import WarrenGRDB
internal import WarrenSQLite
internal import WarrenTesting

/// A scheduler on the store of the application's database, for four ticks of an hour each by a clock that it turns. It ends then,
/// or by SIGKILL at the point that it is told.
enum ScheduleCrash {
  struct Tick: JobMessage {
    static let name: MessageName = "tick"
    static let queue: Queue = "ticks"
    var hour: Int
  }
  static let start = Date(timeIntervalSince1970: 1_800_000_000)

  /// - Parameters:
  ///   - hour: when it begins.
  ///   - keys: whether the engine keeps repeats out.
  static func run(in folder: String, at point: Int, from hour: Int, keys: Bool) async throws {
    let points = KillPoints(at: point)
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    let migrated = try DatabasePool(path: "\(folder)/app.db", configuration: configuration)
    var migrator = DatabaseMigrator()
    migrator.registerWarrenTables()
    try migrator.migrate(migrated)
    configuration.prepareDatabase { points.pass(atEachWriteOf: $0) }
    let database = try DatabasePool(path: "\(folder)/app.db", configuration: configuration)

    let clock = VirtualClock(now: start.addingTimeInterval(Double(hour) * 3600))
    let store = DatabaseStore(database, clock: clock)
    let schedules = Schedules(store, clock: clock)
    let engine = try SQLiteBroker(path: "\(folder)/broker.db", clock: clock)
    try await engine.withBroker { engine in
      let broker = Dying(base: engine, points: points, keys: keys)
      try await engine.apply(Topology(jobs: [Tick.self]))
      let scheduler = try Scheduler(EventBus(broker, source: "crash"), store: store, logger: OutboxCrash.quiet) {
        Schedule("tick", .every(.seconds(3600)), missed: .all(limit: 100)) { time in
          Tick(hour: Int(time.timeIntervalSince(start)) / 3600)
        }
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await scheduler.run() }
        for number in 0...4 {
          let end = ContinuousClock.now + .seconds(30)
          while try await schedules.all().first?.next ?? start <= clock.now {
            if ContinuousClock.now > end { exit(3) }
            try await Task.sleep(for: .milliseconds(5))
          }
          if number < 4 { clock.advance(by: .seconds(3600)) }
        }
        group.cancelAll()
        while let outcome = await group.nextResult() {
          if case .failure(let error) = outcome, !(error is CancellationError) { throw error }
        }
      }
      let book = Book(folder: folder, storesBatchesAsOne: true)
      try await engine.consume(Tick.queue.name, prefetch: 200) { consumer in
        let ready = try await engine.queues().first { $0.name == Tick.queue.name }
        for _ in 0..<(ready?.ready ?? 0) + (ready?.running ?? 0) {
          guard let delivery = await consumer.next() else { return }
          book.note("ticks", delivery.message.id?.rawValue ?? "")
        }
      }
    }
    print(points.passed)
  }

  /// The engine, with places to die around each publish.
  private struct Dying: ForwardingBroker, LockingBroker {
    let base: SQLiteBroker
    let points: KillPoints
    let keys: Bool
    var capabilities: BrokerCapabilities {
      var capabilities = base.capabilities
      if !keys { capabilities.uniqueness = [] }
      return capabilities
    }
    func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
      points.pass()
      let results = try await base.publish(publications)
      points.pass()
      return results
    }
  }
}
