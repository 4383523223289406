internal import Foundation
internal import GRDB
internal import GRDBSQLite
public import Logging
internal import ServiceLifecycle
internal import Synchronization
public import Warren

/// The embedded engine: one SQLite file that any number of processes of a machine share. Nothing has to be installed.
///
/// ```swift
/// let broker = try SQLiteBroker(path: "broker.db")
/// ```
///
/// The file is the broker's own; an application keeps its data in another. Beside it lie SQLite's `-wal` and `-shm`, the file
/// `-lock`, by which processes take turns at writing, and the directory `-workers` with a sign of life of each worker.
/// All of it belongs on a disk of the machine, not on a network.
public final class SQLiteBroker: Sendable {
  let file: BrokerFile
  let writer: Writer
  let configuration: Configuration
  /// The time that messages go by.
  public let clock: any BrokerClock
  private let lifecycle = EngineLifecycle<Void>()
  let presence: Presence
  let liveness: Liveness
  private let locks: NamedLocks
  private let logger: Logger
  private let lastConsumer = Atomic<Int64>(0)

  /// Opens the file, and makes it when it is missing; its directory must exist.
  ///
  /// - Throws: ``BrokerError/Code/unavailable`` when the directory is missing, ``BrokerError/Code/readOnly``,
  ///   ``BrokerError/Code/corrupt`` when the file is damaged or not Warren's, ``BrokerError/Code/newerVersion``,
  ///   ``BrokerError/Code/full``.
  public convenience init(
    path: String, configuration: Configuration = Configuration(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.sqlite")
  ) throws(BrokerError) {
    self.init(
      file: try BrokerFile(path: path, configuration: configuration), configuration: configuration, clock: clock,
      logger: logger)
  }

  /// A broker in memory, for tests: it is the same engine, and what it holds ends with it.
  public static func inMemory(
    configuration: Configuration = Configuration(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.sqlite")
  ) throws(BrokerError) -> SQLiteBroker {
    SQLiteBroker(
      file: try BrokerFile(inMemory: configuration), configuration: configuration, clock: clock, logger: logger)
  }

  private init(file: BrokerFile, configuration: Configuration, clock: any BrokerClock, logger: Logger) {
    self.file = file
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    presence = Presence(beside: file.path)
    locks = NamedLocks(beside: file.path)
    writer = Writer(file: file, presence: presence, configuration: configuration, clock: clock, logger: logger)
    liveness = Liveness(
      file: file, writer: writer, presence: presence, configuration: configuration, logger: logger)
    presence.onWake { [weak writer] in writer?.wakeConsumers() }
  }

  /// Returns when the broker runs.
  func waitUntilRunning() async throws(BrokerError) {
    try await lifecycle.waitUntilRunning(for: configuration.startDeadline, by: clock)
  }
}

extension SQLiteBroker: Broker {
  /// Everything that Warren knows of.
  public var capabilities: BrokerCapabilities {
    BrokerCapabilities(
      engine: "SQLite \(String(cString: sqlite3_libversion()))", uniqueness: Self.uniqueness,
      storesBatchesAsOne: true, ordersByPriority: true, showsWaitingMessages: true,
      largestBody: configuration.largestBody)
  }

  /// Runs the broker until a graceful shutdown or cancellation. Then what this process still holds goes back to its queues.
  public func run() async throws {
    try lifecycle.begin()
    lifecycle.open(())
    liveness.start()
    writer.wake()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.writer.alarm.run(self.clock) { self.writer.wake() } }
      group.addTask { await self.forgetFinished() }
      try? await gracefulShutdown()
      group.cancelAll()
    }
    lifecycle.end()
    await retire()
    liveness.stop()
    presence.end()
  }

  /// Gives back what is held, as long as the file lets that happen soon. If it does not, the others do it: this process's
  /// sign of life ends now.
  private func retire() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await self.writer.perform { transaction in
          let consumers = transaction.ledger.consumers.values.map(\.consumer)
          try transaction.retire()
          transaction.afterCommit.append { for consumer in consumers { consumer.stop() } }
        }
      }
      // Not `Task.sleep`: this task may be cancelled, and the time has to be waited for all the same.
      let deadline = DispatchTime.now() + .seconds(5)
      DispatchQueue.global().asyncAfter(deadline: deadline) { [weak writer] in
        writer?.stop(EngineLifecycle<Void>.stopped)
      }
      await group.waitForAll()
    }
    writer.stop(EngineLifecycle<Void>.stopped)
  }

  private func forgetFinished() async {
    while (try? await clock.sleep(until: clock.now.addingTimeInterval(60))) != nil { await forgetWhatIsOver() }
  }

  /// Forgets the keys of finished jobs whose time is over, in small pieces.
  func forgetWhatIsOver() async {
    let piece = 500
    var forgotten = piece
    while forgotten == piece, !Task.isCancelled {
      forgotten =
        (try? await writer.perform { transaction in
          transaction.statements.forget.bind(1, transaction.now)
          transaction.statements.forget.bind(2, Int64(piece))
          return try transaction.statements.forget.run()
        }) ?? 0
    }
  }

  /// See ``Warren/Broker/apply(_:)``.
  public func apply(_ topology: Topology) async throws(BrokerError) {
    try await waitUntilRunning()
    try await writer.perform { try $0.apply(topology) }
  }

  /// See ``Warren/Broker/publish(_:)``.
  public func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await waitUntilRunning()
    return try await publications.send(checking: check) { admitted throws(BrokerError) in
      try await writer.publish(admitted)
    }
  }

  /// What this engine does with repeats.
  private static let uniqueness: Set<Uniqueness.Repeat.Kind> = [.keep]

  func check(_ publication: Publication) throws(BrokerError) {
    try publication.validate(uniqueness: Self.uniqueness, largestBody: configuration.largestBody)
  }

  /// See ``Warren/Broker/consume(_:prefetch:_:)``.
  public func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    guard prefetch > 0 else {
      throw BrokerError(.invalid, "a prefetch of \(prefetch) lets nothing through: use 1 or more")
    }
    try await waitUntilRunning()
    let id = lastConsumer.add(1, ordering: .relaxed).newValue
    let isOpen = Flag(true)
    let isPaused = Flag(false)
    let consumer = Consumer(
      queue: queue, prefetch: prefetch,
      onStop: { consumer in
        isOpen.set(false)
        self.takeBack(consumer)
      },
      onPause: { consumer, time in
        isPaused.set(time != nil)
        if time == nil { self.writer.wake() } else { self.takeBack(consumer) }
      })
    let local = try await writer.perform { [presence, configuration] transaction in
      try transaction.join(
        consumer, id: id, isOpen: isOpen, isPaused: isPaused, presence, name: configuration.workerName)
    }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(consumer)) } catch { result = .failure(error) }
    consumer.stop()
    // It is done when the file can be written, however long that takes; the caller waits for the first try only. If the
    // broker was stopped, that has given everything back.
    writer.submit(
      Operation(
        isKept: true,
        perform: { transaction in
          try transaction.leave(local)
          return {}
        }, fail: { _ in }))
    try? await writer.perform { _ in }
    return try result.get()
  }

  /// Puts what a consumer has not begun back into its queue at once, for other processes: its handlers may run on for long.
  private func takeBack(_ consumer: Consumer) { writer.release(consumer.revoke()) }

  /// See ``Warren/Broker/settle(_:as:)``.
  public func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await writer.settle(delivery.token, as: settlement)
  }

  /// See ``Warren/Broker/begin(_:)``.
  public func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult {
    try await writer.perform { try $0.begin(suspect.token) }
  }
}

extension SQLiteBroker: LockingBroker {
  /// See ``Warren/LockingBroker/withLock(_:wait:_:)``. The lock is a file in the directory `-locks` beside the broker's.
  public func withLock<Result: Sendable>(
    _ name: LockName, wait: Duration?, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await waitUntilRunning()
    return try await locks.withLock(name, wait: wait, body)
  }
}
