internal import Dispatch
public import Foundation
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
/// `-lock`, by which processes take turns at writing, and the directory `-workers` with a sign of life of each worker. They
/// are found by the file's real path, however the path is spelled, and have the file's permissions.
/// All of it belongs on a disk of the machine, not on a network.
public final class SQLiteBroker: Sendable {
  let file: BrokerFile
  let writer: Writer
  let configuration: SQLiteConfiguration
  /// The time that messages go by.
  public let clock: any BrokerClock
  private let lifecycle = EngineLifecycle<Void>()
  let presence: Presence
  let liveness: Liveness
  private let locks: NamedLocks
  private let lastConsumer = Atomic<Int64>(0)
  private let consumers = OpenConsumers()
  private let isRunning = Flag(false)

  /// Opens the file, and makes it when it is missing; its directory must exist. Where this user may only read, the broker
  /// can be looked at, and everything else is refused with ``BrokerError/Code/readOnly``.
  ///
  /// It blocks its thread, for at most ``SQLiteConfiguration/openDeadline``, while another process holds a file that has to
  /// be made.
  ///
  /// - Throws: ``BrokerError/Code/unavailable`` when the directory is missing or a process holds the file, whose name it
  ///   tells; ``BrokerError/Code/readOnly`` when the file cannot be made or read; ``BrokerError/Code/corrupt`` when it is
  ///   damaged or not Warren's; ``BrokerError/Code/newerVersion``, ``BrokerError/Code/olderVersion``;
  ///   ``BrokerError/Code/full``; ``BrokerError/Code/invalid`` for a configuration that cannot be meant.
  public convenience init(
    path: String, configuration: SQLiteConfiguration = SQLiteConfiguration(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.sqlite")
  ) throws(BrokerError) {
    try configuration.validate()
    self.init(
      file: try BrokerFile(path: path, configuration: configuration), configuration: configuration, clock: clock,
      logger: logger)
  }

  /// A broker in memory, for tests: it is the same engine, and what it holds ends with it.
  public static func inMemory(
    configuration: SQLiteConfiguration = SQLiteConfiguration(), clock: any BrokerClock = SystemClock(),
    logger: Logger = Logger(label: "warren.sqlite")
  ) throws(BrokerError) -> SQLiteBroker {
    try configuration.validate()
    return SQLiteBroker(
      file: try BrokerFile(inMemory: configuration), configuration: configuration, clock: clock, logger: logger)
  }

  private init(file: BrokerFile, configuration: SQLiteConfiguration, clock: any BrokerClock, logger: Logger) {
    self.file = file
    self.configuration = configuration
    self.clock = clock
    presence = Presence(beside: file.path)
    locks = NamedLocks(beside: file.path)
    writer = Writer(file: file, neighbourhood: presence, configuration: configuration, clock: clock, logger: logger)
    liveness = Liveness(
      file: file, writer: writer, presence: presence, configuration: configuration, logger: logger)
    presence.onWake { [weak writer] messages in
      writer?.wakeConsumers()
      for message in messages { writer?.obey(message) }
    }
    if file.isReadOnly {
      logger.warning("The broker's file can only be read by this user.", metadata: ["file": "\(file.shownPath)"])
    }
  }

  /// Returns when the broker runs.
  func waitUntilRunning() async throws(BrokerError) {
    try await lifecycle.waitUntilRunning(for: configuration.startDeadline, by: clock)
  }

  private var publisher: Publisher { Publisher(writer: writer, configuration: configuration) }
  private var deadLetterWork: DeadLetterWork { DeadLetterWork(file: file, writer: writer) }
  private var inspector: Inspector { Inspector(file: file) }
  private var doctor: Doctor {
    Doctor(file: file, writer: writer, configuration: configuration, engine: capabilities.engine, clock: clock)
  }
}

// MARK: - Running

extension SQLiteBroker: Broker {
  /// Everything that Warren knows of.
  public var capabilities: BrokerCapabilities {
    BrokerCapabilities(
      engine: "SQLite \(String(cString: sqlite3_libversion()))", uniqueness: Publisher.uniqueness,
      storesBatchesAsOne: true, ordersByPriority: true, showsWaitingMessages: true,
      largestBody: configuration.largestBody)
  }

  /// Runs the broker until a graceful shutdown or cancellation. Then what this process still holds goes back to its queues; a
  /// graceful shutdown first lets its workers finish what they handle.
  public func run() async throws {
    try lifecycle.begin()
    lifecycle.open(())
    isRunning.set(true)
    if !file.isReadOnly {
      liveness.start()
      writer.wake()
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.writer.alarm.run(self.clock) { self.writer.wake() } }
      group.addTask { await self.forgetFinished() }
      if (try? await gracefulShutdown()) != nil { await consumers.drain() }
      group.cancelAll()
    }
    lifecycle.end()
    isRunning.set(false)
    let hasRetired = await retire()
    liveness.stop()
    if hasRetired { presence.end() } else { presence.abandon() }
  }

  /// Gives back what is held, as long as the file lets that happen soon; `false` when it does not. Then the others do it:
  /// this process's lock ends now.
  private func retire() async -> Bool {
    let deadline =
      DispatchTime.now() + .milliseconds(Int(min(configuration.stopDeadline.wholeMilliseconds, 86_400_000)))
    let limit = DispatchSource.makeTimerSource()
    limit.schedule(deadline: deadline)
    limit.setEventHandler { [weak writer] in writer?.stop(EngineLifecycle<Void>.stopped) }
    limit.activate()
    defer {
      limit.cancel()
      writer.stop(EngineLifecycle<Void>.stopped)
    }
    // Not a task that sleeps: this one may be cancelled, and the time has to be waited for all the same.
    let consumers = try? await writer.perform(isUrgent: false) { transaction in
      let consumers = transaction.state.deliveries.consumers.map(\.consumer)
      try transaction.retire()
      return consumers
    }
    consumers?.forEach { $0.stop() }
    return consumers != nil
  }

  private func forgetFinished() async {
    while (try? await clock.sleep(for: .seconds(60))) != nil { await forgetWhatIsOver() }
  }

  /// Forgets the keys of finished jobs whose time is over, in small pieces.
  func forgetWhatIsOver() async {
    let piece = 500
    var forgotten = piece
    while forgotten == piece, !Task.isCancelled {
      forgotten = (try? await writer.perform { try $0.forgetKeys(limit: piece) }) ?? 0
    }
    forgotten = piece
    while forgotten == piece, !Task.isCancelled {
      forgotten = (try? await writer.perform { try $0.emptyTrash(limit: piece) }) ?? 0
    }
  }

  // MARK: - Messages

  /// See ``Warren/Broker/apply(_:)``.
  public func apply(_ topology: Topology) async throws(BrokerError) {
    try await waitUntilRunning()
    try await writer.perform { transaction in
      let applier = TopologyApplier(database: transaction.database, known: transaction.state.topology)
      if try applier.apply(topology) { try transaction.changeTopology() }
      let state = transaction.state
      transaction.afterCommit.append {
        for queue in topology.queues {
          state.asked[queue.name, default: []].formUnion(topology.bindings.filter { $0.queue == queue.name })
        }
      }
    }
  }

  /// See ``Warren/Broker/publish(_:)``.
  public func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    try await waitUntilRunning()
    return try await publisher.publish(publications)
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
    let consumer = Consumer(
      queue: queue, prefetch: prefetch,
      onStop: { consumer in
        isOpen.set(false)
        self.takeBack(consumer)
      },
      onPause: { consumer, time in
        if time == nil { self.writer.wake() } else { self.takeBack(consumer) }
      })
    let local = try await writer.perform(isUrgent: false) { [presence, configuration] transaction in
      try transaction.join(consumer, id: id, isOpen: isOpen, presence, name: configuration.workerName)
    }
    consumers.add(consumer)
    defer { consumers.remove(consumer) }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(consumer)) } catch { result = .failure(error) }
    consumer.stop()
    // It is done when the file can be written, however long that takes; the caller waits for the first try only, and not
    // for ever for that. If the broker was stopped, that has given everything back.
    writer.submit(
      Operation(
        isKept: true,
        perform: { transaction in
          try transaction.leave(local)
          return {}
        }, fail: { _ in }))
    await writer.waitForNextTry(atMost: configuration.stopDeadline)
    return try result.get()
  }

  /// Puts what a consumer has not begun back into its queue at once, for other processes: its handlers may run on for long.
  private func takeBack(_ consumer: Consumer) { writer.release(consumer.revoke()) }

  /// See ``Warren/Broker/settle(_:as:)``.
  public func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    try await Settler(writer: writer).settle(delivery, as: settlement)
  }
}

extension SQLiteBroker {
  /// See ``Warren/Broker/begin(_:)``.
  public func begin(_ suspect: Delivery) async throws(BrokerError) -> SettleResult {
    try await writer.perform(isUrgent: false) { try $0.begin(suspect.token) }
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

extension SQLiteBroker: StateStore {
  /// See ``Warren/StateStore/record(_:)``.
  public func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? {
    let now = clock.now.wholeMilliseconds
    return try await file.read { try RecordTable.read(key, $0, now: now) }
  }

  /// See ``Warren/StateStore/records(of:)``.
  public func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] {
    let now = clock.now.wholeMilliseconds
    return try await file.read { try RecordTable.read(kind, $0, now: now) }
  }

  /// See ``Warren/StateStore/write(_:to:replacing:until:)``.
  public func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    try await waitUntilRunning()
    let record = StoreRecord(key, value: value, version: .unique(), expiry: expiry)
    return try await writer.perform { try $0.write(record, replacing: version) }
  }

  /// See ``Warren/StateStore/remove(_:_:)``.
  public func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    try await waitUntilRunning()
    return try await writer.perform { try $0.remove(key, version) }
  }
}

// MARK: - Dead letters

extension SQLiteBroker: DeadLetterBroker {
  /// See ``Warren/DeadLetterBroker/deadLetters(_:)``. A page costs the same wherever it begins, and ends early where bodies
  /// are large. A message that was parked in several queues is listed once, except where a queue is asked for.
  public func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    try await DeadLetterReader(file: file).page(selection)
  }

  /// See ``Warren/DeadLetterBroker/replay(_:)``. Those that a worker holds at the moment are left alone.
  public func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await waitUntilRunning()
    return try await deadLetterWork.replay(selection)
  }

  /// See ``Warren/DeadLetterBroker/replace(_:in:with:)``.
  public func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    try await waitUntilRunning()
    let edited = try edited.replacing(id, now: clock.now)
    try publisher.check(Publication(edited, to: .queue(queue ?? "any")))
    try await deadLetterWork.replace(id, in: queue, with: edited)
  }

  /// See ``Warren/DeadLetterBroker/deleteDeadLetters(_:)``. Those that a worker holds at the moment are left alone.
  public func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await deadLetterWork.delete(selection)
  }
}

extension SQLiteBroker: BulkOperatingBroker {
  private var bulkWork: BulkWork { BulkWork(file: file, writer: writer) }

  /// See ``Warren/BulkOperatingBroker/keep(_:)``.
  public func keep(_ operation: BulkOperation) async throws(BrokerError) {
    try await waitUntilRunning()
    try await bulkWork.keep(operation)
  }

  /// See ``Warren/BulkOperatingBroker/advance(_:runner:atMost:)``. A step has at most 250 dead letters and is one transaction.
  public func advance(_ id: String, runner: String, atMost limit: Int) async throws(BrokerError) -> BulkOperation {
    try await waitUntilRunning()
    return try await bulkWork.advance(id, runner: runner, atMost: limit)
  }

  /// See ``Warren/BulkOperatingBroker/takeOver(_:runner:)``.
  public func takeOver(_ id: String, runner: String) async throws(BrokerError) -> BulkOperation {
    try await waitUntilRunning()
    return try await bulkWork.change(id) { operation, now in
      operation.runner = runner
      operation.updated = now
    }
  }

  /// See ``Warren/BulkOperatingBroker/cancelOperation(_:)``.
  public func cancelOperation(_ id: String) async throws(BrokerError) -> BulkOperation {
    try await waitUntilRunning()
    return try await bulkWork.change(id) { operation, _ in operation.state = .cancelled }
  }

  /// See ``Warren/BulkOperatingBroker/bulkOperations(limit:)``.
  public func bulkOperations(limit: Int) async throws(BrokerError) -> [BulkOperation] {
    try await bulkWork.all(limit: limit)
  }

  /// See ``Warren/BulkOperatingBroker/bulkOperation(_:)``.
  public func bulkOperation(_ id: String) async throws(BrokerError) -> BulkOperation? { try await bulkWork.one(id) }
}

extension SQLiteBroker: AuditLog {
  private var auditTable: AuditTable { AuditTable(file: file, writer: writer) }

  /// See ``Warren/AuditLog/record(_:)``. The log is in the broker's file.
  public func record(_ entry: AuditEntry) async throws(BrokerError) {
    try await waitUntilRunning()
    try await auditTable.record(entry)
  }

  /// See ``Warren/AuditLog/audit(after:limit:)``.
  public func audit(after number: Int64, limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await auditTable.entries(after: number, limit: limit)
  }

  /// See ``Warren/AuditLog/newestAudit(limit:)``.
  public func newestAudit(limit: Int) async throws(BrokerError) -> [AuditEntry] {
    try await auditTable.newest(limit: limit)
  }
}

// MARK: - Operating

extension SQLiteBroker: InspectableBroker {
  /// See ``Warren/InspectableBroker/queues()``.
  public func queues() async throws(BrokerError) -> [QueueStatus] { try await inspector.queues() }

  /// See ``Warren/InspectableBroker/queue(_:)``.
  public func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    try await inspector.queues(name).first
  }

  /// See ``Warren/InspectableBroker/workers()``. Processes that consume nothing are not among them.
  public func workers() async throws(BrokerError) -> [WorkerStatus] { try await inspector.workers() }

  /// See ``Warren/InspectableBroker/differences(from:)``. While the broker runs this also makes sure that the file can be
  /// written, so that a service which asks it is not taken for ready when it could store nothing.
  public func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] {
    let differences = try await inspector.differences(from: topology)
    if isRunning.isSet, !file.isReadOnly { try await writer.probe() }
    return differences
  }

  /// See ``Warren/InspectableBroker/topology()``.
  public func topology() async throws(BrokerError) -> Topology { try await inspector.topology() }

  /// See ``Warren/InspectableBroker/diagnose()``. It looks at every row, a second for each few million.
  public func diagnose() async throws(BrokerError) -> [Finding] { try await doctor.findings() }

  /// See ``Warren/InspectableBroker/glance()``. It looks at the file, at whether it can be written, at the workers and at
  /// the rows that were set aside.
  public func glance() async throws(BrokerError) -> [Finding] { try await doctor.glance() }

  /// See ``Warren/InspectableBroker/describe()``.
  public func describe() async throws(BrokerError) -> BrokerDescription { doctor.description() }
}

extension SQLiteBroker: RemovingBroker {
  /// See ``Warren/RemovingBroker/deleteQueue(_:withMessages:)``. Dead letters of this queue that lie in another count as its
  /// messages: they could never be replayed.
  public func deleteQueue(_ queue: QueueName, withMessages: Bool) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await Remover(file: file, writer: writer).deleteQueue(queue, withMessages: withMessages)
  }

  /// See ``Warren/RemovingBroker/removeBinding(_:)``.
  public func removeBinding(_ binding: Binding) async throws(BrokerError) {
    try await waitUntilRunning()
    try await Remover(file: file, writer: writer).removeBinding(binding)
  }
}

extension SQLiteBroker: MessageListingBroker {
  /// See ``Warren/MessageListingBroker/messages(_:)``. It costs as much as the messages that it shows, wherever they are, unless
  /// one is looked for by its id.
  public func messages(_ selection: QueuedMessageSelection) async throws(BrokerError) -> QueuedMessagePage {
    try await MessageReader(file: file).page(selection)
  }
}

extension SQLiteBroker: RepairableBroker {
  /// See ``Warren/RepairableBroker/repair()``. All other writing waits meanwhile.
  public func repair() async throws(BrokerError) -> [Finding] { try await doctor.repair() }
}

extension SQLiteBroker: OperableBroker {
  /// See ``Warren/OperableBroker/pause(_:)``.
  public func pause(_ queue: QueueName) async throws(BrokerError) { try await setPaused(queue, true) }

  /// See ``Warren/OperableBroker/resume(_:)``.
  public func resume(_ queue: QueueName) async throws(BrokerError) { try await setPaused(queue, false) }

  private func setPaused(_ queue: QueueName, _ isPaused: Bool) async throws(BrokerError) {
    try await waitUntilRunning()
    try await QueueControl(writer: writer).setPaused(queue, isPaused)
  }

  /// See ``Warren/OperableBroker/purge(_:)``. It goes in pieces, between which others get their turn: what comes in
  /// meanwhile stays.
  public func purge(_ queue: QueueName) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await QueueControl(writer: writer).purge(queue)
  }

  /// See ``Warren/OperableBroker/cancel(_:in:)``. A worker that holds the message and has not begun with it is not counted.
  public func cancel(_ id: MessageID, in queue: QueueName) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await QueueControl(writer: writer).cancel(id, in: queue, presence)
  }

  /// See ``Warren/OperableBroker/removeWaiting(_:from:)``.
  public func removeWaiting(_ id: MessageID, from queue: QueueName) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await WaitingMessages(file: file, writer: writer).remove(id, from: queue)
  }
  /// See ``Warren/OperableBroker/reschedule(_:in:to:)``.
  public func reschedule(_ id: MessageID, in queue: QueueName, to time: Date) async throws(BrokerError) -> Int {
    try await waitUntilRunning()
    return try await WaitingMessages(file: file, writer: writer).reschedule(id, in: queue, to: time)
  }
  /// See ``Warren/OperableBroker/replaceWaiting(_:in:with:)``.
  public func replaceWaiting(_ id: MessageID, in queue: QueueName, with content: Message) async throws(BrokerError)
    -> Int
  {
    try await waitUntilRunning()
    if content.body.count > configuration.largestBody {
      throw BrokerError(
        .tooLarge,
        "the body has \(content.body.count) bytes, and this engine takes \(configuration.largestBody): nothing was changed"
      )
    }
    return try await WaitingMessages(file: file, writer: writer).replace(id, in: queue, with: content)
  }
}
