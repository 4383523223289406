internal import Foundation
internal import GRDB
public import Logging
internal import Metrics
public import ServiceLifecycle
internal import Synchronization
public import Warren

/// Carries what an ``Outbox`` holds to a broker: a service to run beside the broker, in each process that writes to the
/// outbox. One relay of all works at a time; when its process dies, another takes over.
///
/// ```swift
/// try await ServiceGroup(services: [broker, OutboxRelay(outbox, to: broker), api], logger: logger).run()
/// ```
/// It goes in the order of the commits. A message leaves the outbox when the broker has it, so one that was published when
/// the process died is published again, with the same id. A message that cannot be published stays, is tried again after
/// growing pauses, holds up no message but those with the same order key, and is a finding (``Outbox/findings(patience:)``).
public struct OutboxRelay: Service {
  /// How a relay works. The defaults fit most.
  public struct Options: Sendable {
    /// How many messages are published in one round trip.
    public var batch = 500
    /// How long messages may wait unseen when no signal came through, and how often it is looked whether a pause after a failure is
    /// over.
    public var poll = Duration.seconds(1)
    /// How long the relay waits before it publishes a message again, from the first pause to the longest.
    public var pauses = Duration.seconds(1)...Duration.seconds(60)
    /// What is told of each message that was published or failed, such as a log that has to have a line for each.
    public var onReceipt: (@Sendable (Publication, Receipt) -> Void)?
    /// What is told when nothing can be published now, each time that it was tried: the messages wait.
    public var onPause: (@Sendable (any Error) -> Void)?

    /// The defaults.
    public init() {}
  }
  private let outbox: Outbox
  private let bus: EventBus
  private let options: Options
  private let logger: Logger

  /// A relay from an outbox to a broker.
  ///
  /// - Parameters:
  ///   - topology: what is applied before the first message is published.
  ///   - store: where the keys of unique jobs are kept when the engine cannot do it, such as RabbitMQ: see ``Warren/EventBus``.
  ///   - policy: what becomes of a message of which it is unknown whether it was stored.
  public init(
    _ outbox: Outbox, to broker: any Broker, topology: Topology? = nil, store: (any StateStore)? = nil,
    options: Options = Options(), onUnknownOutcome policy: UnknownOutcomePolicy = .standard,
    logger: Logger = Logger(label: "warren.outbox")
  ) {
    self.outbox = outbox
    bus = EventBus(
      broker, outbox.composer, topology: topology, store: store, onUnknownOutcome: policy, logger: logger)
    self.options = options
    self.logger = logger
  }

  /// Carries messages over until a graceful shutdown, which lets the batch in hand be finished, or cancellation.
  ///
  /// - Throws: ``Warren/BrokerError/Code/invalid`` when the database has no outbox.
  public func run() async throws {
    try await outbox.database.read { try Tables.check(Tables.outbox, $0) }
    let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let isOver = Atomic(false)
    await withGracefulShutdownHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await poll { continuation.yield() } }
        await work(signals) {
          isOver.load(ordering: .relaxed)
        } wake: {
          continuation.yield()
        }
        group.cancelAll()
      }
    } onGracefulShutdown: {
      isOver.store(true, ordering: .relaxed)
      continuation.finish()
    }
  }

  private func poll(_ wake: @Sendable () -> Void) async {
    while !Task.isCancelled {
      wake()
      try? await Task.sleep(for: options.poll)
    }
  }

  private func work(
    _ signals: AsyncStream<Void>, isOver: @Sendable () -> Bool, wake: @escaping @Sendable () -> Void
  ) async {
    var lock: RelayLock?
    var round = RelayRound()
    for await _ in signals {
      if lock == nil {
        switch RelayLock.take(database: outbox.database.path) {
        case .taken(let taken):
          lock = taken
          outbox.wake.listen(wake)
          logger.debug("The relay of the outbox begins")
        case .heldElsewhere: continue
        case .failed(let text):
          logger.error("The outbox cannot be relayed", metadata: ["error": "\(text)"])
          continue
        }
      }
      while !isOver(), !Task.isCancelled, await relay(&round) {}
      await measure(&round)
    }
    if lock != nil { outbox.wake.stop() }
    withExtendedLifetime(lock) {}
  }

  /// What the relay remembers between two batches.
  private struct RelayRound {
    var failures = 0
    var notBefore: ContinuousClock.Instant?
    var lastMeasured: ContinuousClock.Instant?
    var syncsLog: Bool?
  }

  /// Publishes one batch; whether another should follow at once.
  private func relay(_ round: inout RelayRound) async -> Bool {
    if let notBefore = round.notBefore, notBefore > .now { return false }
    do {
      let now = outbox.clock.now
      let limit = options.batch
      let asOne = bus.broker.capabilities.storesBatchesAsOne
      let rows = try await outbox.database.read { db in
        try OutboxRow.next(db, now: now, limit: limit, size: 4 * 1024 * 1024, oneOfEachKey: !asOne)
      }
      if rows.isEmpty { return false }
      try await makeDurable(&round)
      let receipts = try await bus.publish(rows.map(\.publication))
      try await record(receipts, of: rows)
      round.failures = 0
      round.notBefore = nil
      return true
    } catch {
      // Nothing was stored, or the database cannot be used: all of it stays, and is tried again.
      round.failures += 1
      let pause = pause(after: round.failures)
      round.notBefore = .now + pause
      options.onPause?(error)
      // A broker that was stopped in good order is no fault: the relay's turn to stop comes next.
      let isStopping = (error as? BrokerError)?.code == .stopped
      logger.log(
        level: isStopping ? .info : .error, "The outbox waits: its messages cannot be published now",
        metadata: ["error": "\(error)", "again.in": "\(pause)"])
      return false
    }
  }

  /// Takes what was stored out of the outbox, and notes what was not. This is not given up when the task is cancelled: what
  /// the broker has would be published again.
  private func record(_ receipts: [Receipt], of rows: [OutboxRow]) async throws {
    let pairs = Array(zip(rows, receipts))
    let now = outbox.clock.now
    let database = outbox.database
    let pauses = pairs.map { pause(after: $0.0.attempts + 1) }
    try await Task {
      try await database.write { db in
        for ((row, receipt), pause) in zip(pairs, pauses) {
          guard let error = receipt.result.error else {
            try row.delete(db)
            continue
          }
          let next = now.addingTimeInterval(pause.seconds).wholeMillisecondsRoundedUp
          try row.postpone(until: next, error: "\(error.code.rawValue): \(error.message.prefix(500))", db)
        }
      }
    }.value
    for (row, receipt) in pairs {
      options.onReceipt?(row.publication, receipt)
      guard let error = receipt.result.error else { continue }
      logger.warning(
        "A message of the outbox was not published, will try again",
        metadata: ["message.id": "\(receipt.id)", "attempt": "\(row.attempts + 1)", "error": "\(error)"])
    }
  }

  private func pause(after failures: Int) -> Duration {
    let (first, longest) = (options.pauses.lowerBound, options.pauses.upperBound)
    return min(longest, first * (1 << min(max(0, failures - 1), 16)))
  }

  /// With `synchronous = NORMAL` a commit may still be on its way to the disk: a power failure would take the data and leave
  /// its message. So the log is on the disk before anything is published.
  private func makeDurable(_ round: inout RelayRound) async throws {
    if round.syncsLog == nil {
      round.syncsLog = try await outbox.database.writeWithoutTransaction { db in
        let isLogged = try String.fetchOne(db, sql: "PRAGMA journal_mode")?.lowercased() == "wal"
        return try isLogged && (Int.fetchOne(db, sql: "PRAGMA synchronous") ?? 2) < 2
      }
    }
    guard round.syncsLog == true, let log = OutboxFiles.path(beside: outbox.database.path, "-wal") else { return }
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      DispatchQueue.global().async {
        let descriptor = open(log, O_RDONLY | O_CLOEXEC)
        // Without a log, everything is in the database file, and on the disk.
        let isDone = descriptor < 0 || fsync(descriptor) == 0
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        if isDone {
          continuation.resume()
        } else {
          continuation.resume(throwing: POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO))
        }
      }
    }
  }

  /// Sets the gauges, in the one process of all that relays.
  private func measure(_ round: inout RelayRound) async {
    if let last = round.lastMeasured, last.duration(to: .now) < .seconds(5) { return }
    round.lastMeasured = .now
    guard let status = try? await outbox.status() else { return }
    Gauge(label: "warren_outbox_waiting").record(status.waiting)
    Gauge(label: "warren_outbox_failing").record(status.failing)
    Gauge(label: "warren_outbox_lag_seconds").record(status.lag.seconds)
  }
}

extension OutboxRelay: CustomStringConvertible, CustomReflectable {
  /// `relay from the outbox of 'bookings'`.
  public var description: String { "relay from the \(outbox)" }
  /// Its outbox.
  public var customMirror: Mirror { Mirror(self, children: ["outbox": outbox]) }
}
