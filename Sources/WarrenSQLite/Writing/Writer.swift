internal import Dispatch
internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Logging
internal import Synchronization
internal import Warren

/// The one that writes. Whatever comes in while a transaction runs goes together into the next: one wait for the disk for
/// all of it.
///
/// Everything blocking happens on GRDB's writer queue, never on the threads that Swift's tasks share.
final class Writer: Sendable {
  private struct State {
    var inbox = Inbox()
    var isScheduled = false
    /// Whether a transaction is wanted even if nobody asks for anything and nobody could take anything.
    var mustLook = false
    /// What everybody is told once the broker has stopped.
    var end: BrokerError?
  }
  /// Touched on the writer's queue only.
  private final class Confined: @unchecked Sendable {
    var ledger: Ledger?
    /// How many transactions are still made of a single request, to find the one that fails.
    var singles = 0
    var failures = 0
  }
  private enum Bounds {
    static let messages = 1000
    static let bytes = 32 * 1024 * 1024
    static let claims = 1000
    static let promotions = 1000
    static let expiries = 200
  }

  let file: BrokerFile
  /// Set to when the next message comes due or expires.
  let alarm = Alarm()
  private let state = Mutex(State())
  private let confined = Confined()
  private let configuration: SQLiteBroker.Configuration
  private let clock: any BrokerClock
  private let logger: Logger
  private let presence: Presence

  init(
    file: BrokerFile, presence: Presence, configuration: SQLiteBroker.Configuration, clock: any BrokerClock,
    logger: Logger
  ) {
    self.file = file
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    self.presence = presence
  }

  // MARK: What can be asked for

  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    let bytes = publications.reduce(0) { $0 + $1.message.body.count }
    let deadline = clock.now.addingTimeInterval(configuration.publishDeadline.seconds)
    return try await withCheckedContinuation { continuation in
      let request = PublishRequest(
        publications: publications, bytes: bytes, deadline: deadline, continuation: continuation)
      if let end = submit({ $0.publishes.append(request) }) { continuation.resume(returning: .failure(end)) }
    }.get()
  }

  /// While the file cannot be written this waits, unless the task is cancelled; a cancelled task still settles what can be
  /// settled at once.
  func settle(_ token: Delivery.Token, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    let isGivenUp = Flag(false)
    return try await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let request = SettleRequest(
          token: token, settlement: settlement, isGivenUp: isGivenUp, continuation: continuation)
        if let end = submit({ $0.settlements.append(request) }) { continuation.resume(returning: .failure(end)) }
      }
    } onCancel: {
      isGivenUp.set(true)
    }.get()
  }

  /// Runs `body` in a transaction. It may throw a ``BrokerError`` as long as it has changed nothing.
  func perform<Result: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Result
  ) async throws(BrokerError) -> Result {
    try await withCheckedContinuation { (continuation: CheckedContinuation<Swift.Result<Result, BrokerError>, Never>) in
      let operation = Operation(
        perform: { transaction in
          do {
            let result = try body(transaction)
            return { continuation.resume(returning: .success(result)) }
          } catch let error as BrokerError {
            return { continuation.resume(returning: .failure(error)) }
          }
        },
        fail: { continuation.resume(returning: .failure($0)) })
      if let end = submit({ $0.operations.append(operation) }) { continuation.resume(returning: .failure(end)) }
    }.get()
  }

  /// Asks for something whose caller does not wait.
  func submit(_ operation: Operation) {
    if let end = submit({ $0.operations.append(operation) }) { operation.fail(end) }
  }

  /// Puts deliveries back into their queues, when the file can be written, without a caller that waits.
  func release(_ deliveries: [Delivery]) {
    if deliveries.isEmpty { return }
    submit(
      Operation(
        isKept: true,
        perform: { transaction in
          for delivery in deliveries { _ = try transaction.settle(delivery.token, as: .release) }
          return {}
        }, fail: { _ in }))
  }

  /// Looks what has come due, has expired, or can be handed out.
  func wake() {
    state.withLock { $0.mustLook = true }
    _ = submit { _ in }
  }

  /// Looks whether something can be handed out, if anybody here could take it.
  func wakeConsumers() { _ = submit { _ in } }

  /// Fails the publishes whose time is over.
  func failOverdue() {
    let now = clock.now
    let overdue = state.withLock { state -> [PublishRequest] in
      guard state.inbox.publishes.contains(where: { $0.deadline <= now }) else { return [] }
      defer { state.inbox.publishes.removeAll { $0.deadline <= now } }
      return state.inbox.publishes.filter { $0.deadline <= now }
    }
    let error = BrokerError(
      .deadline,
      "'\(file.shownPath)' could not be written within \(configuration.publishDeadline): nothing was stored; look what "
        + "holds the file")
    for request in overdue { request.continuation.resume(returning: .failure(error)) }
  }

  /// Ends it: whoever waits, and whoever comes, gets `error`.
  func stop(_ error: BrokerError) {
    let left = state.withLock { state in
      state.end = error
      defer { state.inbox = Inbox() }
      return state.inbox
    }
    left.fail(error)
  }

  /// How many requests wait.
  var waiting: Int { state.withLock { $0.inbox.count } }

  private func submit(_ change: (inout Inbox) -> Void) -> BrokerError? {
    let (end, mustSchedule) = state.withLock { state in
      if let end = state.end { return (BrokerError?.some(end), false) }
      change(&state.inbox)
      defer { state.isScheduled = true }
      return (nil, !state.isScheduled)
    }
    if mustSchedule { schedule() }
    return end
  }

  private func schedule() { file.database.asyncWriteWithoutTransaction { self.drain($0) } }

  // MARK: One transaction

  private enum Outcome {
    case done(Transaction, () -> Void)
    case failed(any Error, isUnknown: Bool)
  }

  private func drain(_ database: Database) {
    let isNeeded = state.withLock { state in
      let isNeeded = state.mustLook || !state.inbox.isEmpty || (confined.ledger?.hasCredit ?? true)
      state.mustLook = false
      if !isNeeded { state.isScheduled = false }
      return isNeeded
    }
    if !isNeeded { return }
    file.lock?.lock()
    let batch = state.withLock { state in
      if confined.singles > 0 { return state.inbox.takeOne() }
      return state.inbox.take(messages: Bounds.messages, bytes: Bounds.bytes)
    }
    let outcome = attempt(batch, database)
    file.lock?.unlock()

    var goesOn = false
    switch outcome {
    case .done(let transaction, let answer):
      confined.failures = 0
      if confined.singles > 0 { confined.singles -= 1 }
      transaction.conclude()
      release(transaction.refused)
      answer()
      goesOn = transaction.isUnfinished
      wakeOthers(transaction)
    case .failed(let error, let isUnknown):
      fail(batch, error, isUnknown: isUnknown)
    }
    let mustSchedule = state.withLock { state in
      if case .failed = outcome {
        // Left to the timer that `fail` has set, and to whoever comes next.
        state.isScheduled = false
        return false
      }
      state.isScheduled = goesOn || state.mustLook || !state.inbox.isEmpty
      return state.isScheduled
    }
    if mustSchedule { schedule() }
  }

  private func attempt(_ batch: Inbox, _ database: Database) -> Outcome {
    do {
      guard file.isInPlace else {
        throw BrokerError(
          .unavailable,
          "'\(file.shownPath)' was moved or deleted: put it back, or restart with the new one; nothing "
            + "was stored")
      }
      let ledger = try ledger(database)
      try Self.execute("BEGIN IMMEDIATE", database)
      let transaction = try Transaction(database, ledger, time: clock.now)
      let answer = try work(batch, transaction, ledger)
      do {
        try Self.execute("COMMIT", database)
      } catch let error as StorageError {
        Self.rollBack(database)
        // A full disk has stopped it before the mark that makes it valid.
        return .failed(error, isUnknown: error.primary == SQLITE_IOERR)
      }
      return .done(transaction, answer)
    } catch {
      Self.rollBack(database)
      return .failed(error, isUnknown: false)
    }
  }

  /// Does everything that was asked for, hands out what can be handed out, and returns what answers the callers.
  private func work(_ batch: Inbox, _ transaction: Transaction, _ ledger: Ledger) throws -> () -> Void {
    // Others took this process for dead. What it held is theirs; it goes on under a new number.
    if transaction.isDispossessed { try transaction.enroll(presence, name: configuration.workerName) }
    if ledger.needsExpirySweep || (ledger.nextExpiry.map { $0 <= transaction.now } ?? false) {
      try transaction.parkExpired(limit: Bounds.expiries)
    }

    var stored: [[PublishResult]] = []
    stored.reserveCapacity(batch.publishes.count)
    for request in batch.publishes { stored.append(try transaction.publish(request.publications)) }
    var settled: [SettleOutcome] = []
    settled.reserveCapacity(batch.settlements.count)
    for request in batch.settlements { settled.append(try transaction.settle(request.token, as: request.settlement)) }
    for operation in batch.operations { transaction.afterCommit.append(try operation.perform(transaction)) }

    try transaction.promoteDue(limit: Bounds.promotions)
    try transaction.claim(limit: confined.singles > 0 ? 0 : Bounds.claims)
    let nextDue = try transaction.statements.earliestDue.first { $0.optionalInt(0) } ?? nil
    transaction.statements.earliestExpiry.bind(1, transaction.now)
    let nextExpiry = try transaction.statements.earliestExpiry.first { $0.optionalInt(0) } ?? nil
    try transaction.finish()

    return { [alarm] in
      ledger.nextExpiry = nextExpiry
      ledger.needsExpirySweep = transaction.needsExpirySweep
      alarm.set([nextDue, nextExpiry].compactMap(\.self).min().map { .whenIs($0) })
      for (request, results) in zip(batch.publishes, stored) {
        request.continuation.resume(returning: .success(results))
      }
      for (request, outcome) in zip(batch.settlements, settled) {
        request.continuation.resume(returning: outcome.result)
      }
    }
  }

  private func ledger(_ database: Database) throws -> Ledger {
    if let ledger = confined.ledger { return ledger }
    let ledger = try Ledger(database, configuration: configuration)
    confined.ledger = ledger
    return ledger
  }

  private func wakeOthers(_ transaction: Transaction) {
    if transaction.waking.isEmpty || transaction.ledger.others.isEmpty { return }
    let files = transaction.ledger.others.filter { !$0.queues.isDisjoint(with: transaction.waking) }.map(\.file)
    presence.wake(files)
  }

  // MARK: When it fails

  private func fail(_ batch: Inbox, _ error: any Error, isUnknown: Bool) {
    confined.failures += 1
    // What it read may have been rolled back.
    confined.ledger?.topologyVersion = 0
    confined.ledger?.workersVersion = 0
    let storage = (error as? BrokerError) == nil ? StorageError(error) : nil
    if storage?.isBusy == true {
      // Another program writes the file. Nobody hears of it before his deadline.
      state.withLock { $0.inbox.putBack(batch) }
      return retryLater()
    }
    if let storage, !storage.isOfTheSurroundings {
      if batch.count > 1 {
        state.withLock { $0.inbox.putBack(batch) }
        confined.singles = batch.count
        return retryLater()
      }
      logger.error("A transaction failed.", metadata: ["error": "\(storage)"])
      batch.fail(storage.brokerError(path: file.shownPath))
      confined.singles = max(confined.singles, 1)
      return retryLater()
    }
    var told = (error as? BrokerError) ?? storage?.brokerError(path: file.shownPath)
    if isUnknown, let known = told {
      told = BrokerError(
        .unknownOutcome, "whether it was stored is unknown, publish it again with the same id: \(known.message)",
        underlying: storage)
    }
    if confined.failures == 1 {
      logger.error("The broker's file cannot be written; trying on.", metadata: ["error": "\(told?.message ?? "")"])
    }
    var kept = batch
    kept.publishes = []
    kept.settlements = batch.settlements.filter { !$0.isGivenUp.isSet }
    kept.operations = batch.operations.filter(\.isKept)
    var given = batch
    given.settlements = batch.settlements.filter { $0.isGivenUp.isSet }
    given.operations = batch.operations.filter { !$0.isKept }
    let end = state.withLock { state -> BrokerError? in
      if state.end == nil { state.inbox.putBack(kept) }
      return state.end
    }
    if let end { kept.fail(end) }
    if let told { given.fail(told) }
    retryLater()
  }

  private func retryLater() {
    let pause = min(500, 25 << min(confined.failures, 5))
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(pause)) { [weak self] in self?.wake() }
  }

  // MARK: SQLite

  private static func execute(_ sql: String, _ database: Database) throws {
    if sqlite3_exec(database.sqliteConnection, sql, nil, nil, nil) != SQLITE_OK {
      throw StorageError(handle: database.sqliteConnection)
    }
  }

  /// Some errors have rolled back already.
  private static func rollBack(_ database: Database) {
    if sqlite3_get_autocommit(database.sqliteConnection) == 0 { try? execute("ROLLBACK", database) }
  }
}

extension SettleOutcome {
  /// What the caller gets.
  fileprivate var result: Result<SettleResult, BrokerError> {
    switch self {
    case .settled: .success(.settled)
    case .stale: .success(.stale)
    case .cannotPark(let queue):
      .failure(
        BrokerError(
          .unroutable,
          "a message of the queue '\(queue)' cannot be parked, because its dead-letter target leads to no queue: it stays "
            + "in '\(queue)'. Declare the target, or bind a queue to it"))
    }
  }
}
