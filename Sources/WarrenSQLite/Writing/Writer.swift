internal import Dispatch
internal import Foundation
internal import GRDB
internal import GRDBSQLite
internal import Logging
internal import Synchronization
internal import Warren

/// All writing of this process. What comes in while a transaction runs goes together into the next: one wait for the disk
/// for all of it.
///
/// Everything blocking happens on GRDB's writer queue, never on the threads that Swift's tasks share.
final class Writer: Sendable {
  private struct State {
    var inbox = Inbox()
    /// Requests of a transaction that failed: each gets one of its own.
    var singles: [Inbox] = []
    var isScheduled = false
    /// Whether a transaction is wanted even without a request and without a consumer that could take anything.
    var mustLook = false
    /// Whether the next transaction asks every queue for messages.
    var looksEverywhere = false
    /// What every caller is told once the broker has stopped.
    var end: BrokerError?
  }
  /// Touched on the writer's queue only.
  private final class Confined: @unchecked Sendable {
    var state: WriterState?
    /// How many transactions have failed in a row.
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
  private let lastTrouble = Mutex<BrokerError?>(nil)
  private let confined = Confined()
  private let configuration: SQLiteConfiguration
  private let clock: any BrokerClock
  private let logger: Logger
  private let neighbourhood: any Neighbourhood

  init(
    file: BrokerFile, neighbourhood: any Neighbourhood, configuration: SQLiteConfiguration, clock: any BrokerClock,
    logger: Logger
  ) {
    self.file = file
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
    self.neighbourhood = neighbourhood
  }

  // MARK: What can be asked for

  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    let bytes = publications.reduce(0) { $0 + $1.message.body.count }
    let deadline = clock.elapsed + configuration.publishDeadline.bounded
    return try await withUnsafeContinuation { continuation in
      let request = PublishRequest(
        publications: publications, bytes: bytes, deadline: deadline, continuation: continuation)
      if let end = submit({ $0.publishes.append(request) }) { continuation.resume(returning: .failure(end)) }
    }.get()
  }

  /// While the file cannot be written this waits, unless the task is cancelled; a cancelled task still settles what can be
  /// settled at once.
  func settle(_ token: Delivery.Token, as settlement: Settlement) async throws(BrokerError) -> SettleOutcome {
    let isGivenUp = Flag(false)
    return try await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let request = SettleRequest(
          token: token, settlement: settlement, isGivenUp: isGivenUp, continuation: continuation)
        if let end = submit({ $0.settlements.append(request) }) { continuation.resume(returning: .failure(end)) }
      }
    } onCancel: {
      isGivenUp.set(true)
    }.get()
  }

  /// Runs `body` in a transaction. It may throw a ``BrokerError`` as long as it has changed nothing.
  ///
  /// - Parameter isUrgent: whether the caller gives up when it is not done within ``SQLiteConfiguration/publishDeadline``.
  func perform<Result: Sendable>(
    isUrgent: Bool = true, _ body: @escaping @Sendable (Transaction) throws -> Result
  ) async throws(BrokerError) -> Result {
    let deadline = isUrgent ? clock.elapsed + configuration.publishDeadline.bounded : nil
    return try await withCheckedContinuation {
      (continuation: CheckedContinuation<Swift.Result<Result, BrokerError>, Never>) in
      let operation = Operation(
        deadline: deadline,
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

  /// Waits until the next transaction was tried, but no longer than that.
  func waitForNextTry(atMost limit: Duration) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let once = Once(continuation)
      submit(Operation(perform: { _ in { once.resume(()) } }, fail: { _ in once.resume(()) }))
      DispatchQueue.global().asyncAfter(deadline: .now() + limit.seconds) { once.resume(()) }
    }
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

  /// Writes something that changes nothing, to find out whether that is possible. As long as others write, one more who waits
  /// for its turn is no trouble: it waits on, up to ``SQLiteConfiguration/publishDeadline``.
  ///
  /// - Throws: why it is not.
  func probe() async throws(BrokerError) {
    let limit = configuration.probeDeadline
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Void, BrokerError>, Never>) in
      let once = Once(continuation)
      // A number that is skipped.
      submit(
        Operation(
          perform: { transaction in
            _ = transaction.takeSeq()
            return { once.resume(.success(())) }
          }, fail: { once.resume(.failure($0)) }))
      giveUp(once, after: limit, TurnWatch(file.lastWrite, until: .now + configuration.publishDeadline))
    }
    try result.get()
  }

  /// Tells a probe that it failed, once that is certain.
  private func giveUp(_ once: Once<Result<Void, BrokerError>>, after limit: Duration, _ watch: TurnWatch) {
    DispatchQueue.global().asyncAfter(deadline: .now() + limit.seconds) { [weak self] in
      guard once.isWaiting else { return }
      guard let self else { return once.resume(.failure(EngineLifecycle<Void>.stopped)) }
      var watch = watch
      if trouble == nil, !watch.isOver(file.lastWrite, at: .now) { return giveUp(once, after: limit, watch) }
      once.resume(
        .failure(
          trouble
            ?? BrokerError(
              .unavailable,
              "'\(file.shownPath)' could not be written for \(limit.words), because \(file.holder) holds it: let it "
                + "finish, or end it")))
    }
  }

  /// Looks what has come due, has expired, or can be handed out.
  func wake() {
    state.withLock { $0.mustLook = true }
    _ = submit { _ in }
  }

  /// Looks whether something can be handed out, if a consumer here could take it. `everywhere`: in every queue, also where
  /// nothing is counted.
  func wakeConsumers(everywhere: Bool = false) {
    if everywhere { state.withLock { $0.looksEverywhere = true } }
    _ = submit { _ in }
  }

  /// Does what another process asks for.
  func obey(_ message: ControlMessage) {
    guard message.kind == .cancel, let queue = message.queue, let id = message.message else { return }
    submit(
      Operation(
        perform: { transaction in
          let consumers = transaction.state.deliveries.consumers(of: try transaction.queue(queue).id).map(\.consumer)
          return { for consumer in consumers { consumer.cancelHandlers(of: id) } }
        }, fail: { _ in }))
  }

  /// Fails what could not be done before its deadline.
  func failOverdue() {
    let now = clock.elapsed
    let overdue = state.withLock { $0.inbox.takeOverdue(now) }
    if overdue.isEmpty { return }
    overdue.fail(
      BrokerError(
        .deadline,
        "'\(file.shownPath)' could not be written within \(configuration.publishDeadline.words), because \(file.holder) holds "
          + "it: nothing was done; let it finish, or end it"))
  }

  /// Ends it: every request that waits or comes gets `error`.
  func stop(_ error: BrokerError) {
    let left = state.withLock { state in
      state.end = error
      defer {
        state.inbox = Inbox()
        state.singles = []
      }
      return [state.inbox] + state.singles
    }
    for inbox in left { inbox.fail(error) }
  }

  /// How many requests wait.
  var waiting: Int { state.withLock { $0.inbox.count } }

  /// Why nothing can be written at present; `nil` when the last transaction succeeded.
  var trouble: BrokerError? { lastTrouble.withLock { $0 } }

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

  /// A transaction that is committed, and what its callers are told.
  private struct Done {
    var transaction: Transaction
    var stored: [[PublishResult]] = []
    var settled: [SettleOutcome] = []
    var nextDue: Int64?
    var nextExpiry: Int64?
  }

  private enum Attempt {
    case done(Done)
    case failed(any Error, isUnknown: Bool)
  }

  private func drain(_ database: Database) {
    let isNeeded = state.withLock { state in
      let isNeeded =
        state.end == nil
        && (state.mustLook || !state.inbox.isEmpty || !state.singles.isEmpty
          || (confined.state?.deliveries.hasCredit ?? true))
      state.mustLook = false
      if !isNeeded { state.isScheduled = false }
      return isNeeded
    }
    if !isNeeded { return }
    file.lock?.lock()
    let (batch, isSingle) = state.withLock { state in
      if let single = state.singles.popLast() { return (single, true) }
      return (state.inbox.take(messages: Bounds.messages, bytes: Bounds.bytes), false)
    }
    let outcome = attempt(batch, isSingle: isSingle, database)
    file.lock?.unlock()

    var goesOn = false
    switch outcome {
    case .done(let done):
      if confined.failures > 0 { lastTrouble.withLock { $0 = nil } }
      confined.failures = 0
      conclude(batch, done)
      goesOn = done.transaction.isUnfinished
    case .failed(let error, let isUnknown):
      fail(batch, isSingle: isSingle, error, isUnknown: isUnknown)
    }
    let mustSchedule = state.withLock { state in
      if case .failed = outcome, state.singles.isEmpty {
        // Left to the timer that `fail` has set, and to the next request.
        state.isScheduled = false
        return false
      }
      // What is unfinished is looked for whether or not anything could be handed out here.
      state.mustLook = state.mustLook || goesOn
      state.isScheduled = state.mustLook || !state.inbox.isEmpty || !state.singles.isEmpty
      return state.isScheduled
    }
    if mustSchedule { schedule() }
  }

  private func attempt(_ batch: Inbox, isSingle: Bool, _ database: Database) -> Attempt {
    do {
      if let trouble = file.trouble { throw trouble }
      let state = try state(database)
      try Self.execute("BEGIN IMMEDIATE", database)
      var done = Done(transaction: try Transaction(database, state, time: clock.now))
      try work(batch, isSingle: isSingle, &done)
      do {
        try Self.execute("COMMIT", database)
      } catch let error as StorageError {
        Self.rollBack(database)
        // A full disk has stopped it before the mark that makes it valid.
        return .failed(error, isUnknown: error.primary == SQLITE_IOERR)
      }
      // Written, but into a file that was deleted meanwhile?
      if let trouble = file.trouble { return .failed(trouble, isUnknown: true) }
      return .done(done)
    } catch {
      Self.rollBack(database)
      return .failed(error, isUnknown: false)
    }
  }

  /// Does everything that was asked for, and hands out what can be handed out. A single request is done alone: what else
  /// is due may be what failed.
  private func work(_ batch: Inbox, isSingle: Bool, _ done: inout Done) throws {
    let transaction = done.transaction
    let state = transaction.state
    // Others took this process for dead. What it held is theirs; it goes on under a new number.
    if transaction.isDispossessed, !isSingle { enrollAgain(transaction) }
    if !isSingle, state.needsExpirySweep || (state.nextExpiry.map { $0 <= transaction.now } ?? false) {
      try transaction.parkExpired(limit: Bounds.expiries)
    } else {
      transaction.needsExpirySweep = state.needsExpirySweep
    }
    done.stored.reserveCapacity(batch.publishes.count)
    for request in batch.publishes { done.stored.append(try transaction.publish(request.publications)) }
    done.settled.reserveCapacity(batch.settlements.count)
    for request in batch.settlements {
      done.settled.append(try transaction.settle(request.token, as: request.settlement))
    }
    for operation in batch.operations { transaction.afterCommit.append(try operation.perform(transaction)) }
    if !isSingle { try transaction.promoteDue(limit: Bounds.promotions) }
    let looksEverywhere = self.state.withLock { state in
      defer { state.looksEverywhere = false }
      return state.looksEverywhere
    }
    try transaction.claim(limit: isSingle ? 0 : Bounds.claims, everywhere: looksEverywhere)
    let statements = transaction.statements
    done.nextDue = try statements.earliestDue.first { $0.optionalInt(0) } ?? nil
    statements.earliestExpiry.bind(1, transaction.now)
    done.nextExpiry = try statements.earliestExpiry.first { $0.optionalInt(0) } ?? nil
    try transaction.finish()
  }

  /// Everything that happens after the commit, in this order: what this process knows, what callers are told, what consumers
  /// get, what other processes are woken for.
  private func conclude(_ batch: Inbox, _ done: Done) {
    let transaction = done.transaction
    let state = transaction.state
    transaction.updateState()
    state.nextExpiry = done.nextExpiry
    state.needsExpirySweep = transaction.needsExpirySweep
    alarm.set([done.nextDue, done.nextExpiry].compactMap(\.self).min().map { .whenIs($0) })

    for (request, results) in zip(batch.publishes, done.stored) {
      request.continuation.resume(returning: .success(results))
    }
    for (request, outcome) in zip(batch.settlements, done.settled) {
      request.continuation.resume(returning: .success(outcome))
    }
    for (consumer, deliveries) in transaction.handed {
      release(consumer.consumer.hand(deliveries))
      // One that was paused since they were claimed has taken back what it had by then, and not these.
      if consumer.isPaused { release(consumer.consumer.revoke()) }
    }
    for action in transaction.afterCommit { action() }
    for row in transaction.setAside {
      logger.error(
        "A row named a message that is not there, and was set aside.",
        metadata: [
          "table": "\(row.place)", "number": "\(row.seq)", "queue": "\(state.topology[row.queue]?.name ?? "")",
        ])
    }
    wakeOthers(transaction)
  }

  /// Without a sign of life nothing is claimed; the requests of this transaction do not depend on it.
  private func enrollAgain(_ transaction: Transaction) {
    do {
      try transaction.enroll(neighbourhood, name: configuration.workerName)
    } catch {
      logger.error("This process cannot show that it lives; it takes no deliveries.", metadata: ["error": "\(error)"])
    }
  }

  private func state(_ database: Database) throws -> WriterState {
    if let state = confined.state { return state }
    let state = try WriterState(database, configuration: configuration)
    confined.state = state
    return state
  }

  private func wakeOthers(_ transaction: Transaction) {
    let others = transaction.state.others
    if others.isEmpty { return }
    let waking = Set(transaction.work.all.lazy.filter(\.wakesOthers).map(\.queue))
    if waking.isEmpty { return }
    neighbourhood.wake(others.filter { !$0.queues.isDisjoint(with: waking) }.map(\.file))
  }

  // MARK: When it fails

  private func fail(_ batch: Inbox, isSingle: Bool, _ error: any Error, isUnknown: Bool) {
    confined.failures += 1
    confined.state?.forgetWhatWasRead()
    let storage = (error as? BrokerError) == nil ? StorageError(error) : nil
    var told =
      (error as? BrokerError) ?? storage?.brokerError(path: file.shownPath)
      ?? BrokerError(.unavailable, "'\(file.shownPath)' cannot be written")
    if isUnknown {
      told = BrokerError(
        .unknownOutcome, "whether it was stored is unknown, publish it again with the same id: \(told.message)",
        underlying: storage)
    }
    lastTrouble.withLock { $0 = told }
    if let storage, storage.isBusy {
      // Another program writes the file. Callers are told at their deadlines.
      var kept = batch
      let givenUp = kept.takeGivenUp()
      givenUp.fail(told)
      keep(kept)
    } else if let storage, !storage.concernsAll, !isSingle, !batch.isEmpty {
      // One of them may have been at fault, or none of them but what was due beside them.
      keep(singles: batch.singles)
    } else if let storage, !storage.isOfTheSurroundings {
      logger.error("A transaction failed.", metadata: ["error": "\(storage)"])
      batch.fail(told)
    } else {
      if confined.failures == 1 {
        logger.error("The broker's file cannot be written; trying on.", metadata: ["error": "\(told.message)"])
      }
      keep(batch.kept)
      batch.notKept.fail(told)
    }
    retryLater()
  }

  /// Puts requests back, or fails them when the broker has been stopped meanwhile.
  private func keep(_ batch: Inbox = Inbox(), singles: [Inbox] = []) {
    let end = state.withLock { state -> BrokerError? in
      if let end = state.end { return end }
      state.inbox.putBack(batch)
      // The last comes first.
      state.singles += singles.reversed()
      return nil
    }
    guard let end else { return }
    batch.fail(end)
    for single in singles { single.fail(end) }
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
