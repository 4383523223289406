internal import Foundation
public import Logging
public import ServiceLifecycle

/// Enqueues jobs by schedules: a service to run in each process that has them. Of all processes one does it at a time; when that
/// dies, another takes over.
///
/// ```swift
/// let scheduler = try Scheduler(bus) {
///   Schedule("report", .cron("0 6 * * 1-5", in: "Europe/Berlin")) { SendReport() }
/// }
/// try await ServiceGroup(services: [broker, scheduler, worker], gracefulShutdownSignals: [.sigterm], logger: logger).run()
/// ```
/// A tick is enqueued once, however many processes there are, since it is recorded in a store (``StateStore``) that it was begun and that
/// it was done. A process that dies between the two may have enqueued it or not: the next one enqueues it again ten seconds later,
/// with the same id. SQLite keeps that repeat out; on RabbitMQ a handler can tell by the id, as an inbox does.
///
/// A job that cannot be enqueued now is tried again until it can, and the ticks in between are missed ones (``MissedRuns``).
public struct Scheduler: Service {
  /// Its name, and the first part of those of its schedules.
  public let name: String
  private let schedules: [(schedule: Schedule, ticks: Ticks)]
  private let bus: EventBus
  private let broker: any LockingBroker
  private let store: any StateStore
  private let clock: any BrokerClock
  private let logger: Logger

  /// How long changes in the store may go unseen.
  static let poll: Duration = .seconds(1)

  /// A scheduler.
  ///
  /// - Parameters:
  ///   - bus: where jobs are enqueued; with the topology that has their queues.
  ///   - name: what tells its schedules from those of other programs; the source of the bus without it. Processes of the same
  ///     name have the same schedules: those that one of them does not have are forgotten.
  ///   - store: where it is kept what has run; the engine itself without it, where it can.
  ///   - clock: what the ticks go by; the broker's without it.
  /// - Throws: ``BrokerError/Code/invalid`` with what is wrong in a schedule; ``BrokerError/Code/unsupported`` when no store is
  ///   given and the engine is none.
  public init(
    _ bus: EventBus, name: String? = nil, store: (any StateStore)? = nil, clock: (any BrokerClock)? = nil,
    logger: Logger = Logger(label: "warren.scheduler"), @ScheduleBuilder _ schedules: () -> [Schedule]
  ) throws(BrokerError) {
    self.bus = bus
    self.name = name ?? bus.composer.source
    self.clock = clock ?? bus.broker.clock
    self.logger = logger
    let engine = bus.broker.capabilities.engine
    guard let broker = bus.broker as? any LockingBroker else {
      throw BrokerError(
        .unsupported,
        "schedules need a lock that one process of all holds, and \(engine) has none: use an engine that has")
    }
    self.broker = broker
    guard let store = store ?? bus.broker as? any StateStore else { throw BrokerError(noStoreFor: "schedules", engine) }
    self.store = store
    self.schedules = try Self.checked(schedules(), self.name)
  }

  private static func checked(_ schedules: [Schedule], _ name: String) throws(BrokerError) -> [(Schedule, Ticks)] {
    if schedules.isEmpty {
      throw BrokerError(.invalid, "the scheduler '\(name)' has nothing to do: give it a Schedule")
    }
    for text in [name] + schedules.map(\.name) where text.isEmpty || text.utf8.count > 100 || text.contains("/") {
      throw BrokerError(.invalid, "'\(text.prefix(40))' cannot name a schedule: 1 to 100 bytes without a slash can")
    }
    var checked: [(Schedule, Ticks)] = []
    for schedule in schedules {
      if checked.contains(where: { $0.0.name == schedule.name }) {
        throw BrokerError(.invalid, "two schedules are called '\(schedule.name)': give each a name of its own")
      }
      if case .all(let limit) = schedule.missed, !(1...1000).contains(limit) {
        throw BrokerError(
          .invalid, "the schedule '\(schedule.name)' is to run \(limit) missed ticks at most: 1 to 1000 are possible")
      }
      do {
        checked.append((schedule, try Ticks(schedule.recurrence)))
      } catch {
        throw BrokerError(error.code, "the schedule '\(schedule.name)': \(error.message)", underlying: error.underlying)
      }
    }
    return checked
  }

  /// Enqueues what is due until it is stopped. While the broker or the store is away it waits.
  ///
  /// - Throws: ``BrokerError`` when waiting does not help.
  public func run() async throws {
    let stop = StopSignal()
    try await withTaskCancellationOrGracefulShutdownHandler {
      while !stop.isSet {
        do {
          try await waitAndLead(stop)
        } catch let error as BrokerError where error.isRetryable && error.code != .notRunning {
          logger.warning("The schedules wait: the broker or the store is away", metadata: ["error": "\(error)"])
          await stop.sleep(for: .seconds(1), by: clock)
        } catch is CancellationError where stop.isSet {
        }
      }
    } onCancelOrGracefulShutdown: {
      stop.set()
    }
  }

  /// Runs the schedules while this process holds their lock. When it is told to stop, it finishes the run in hand.
  private func waitAndLead(_ stop: StopSignal) async throws {
    let leads = Watched(false)
    try await withThrowingTaskGroup(of: Void.self) { group in
      // Waiting for the lock may last for as long as another process lives, so a stop has to be seen beside it.
      group.addTask {
        try await broker.withLock(LockName("schedules.\(name)")) {
          leads.withValue { $0 = true }
          try await lead(stop)
        }
      }
      group.addTask {
        await stop.wait()
        if !leads.value { throw CancellationError() }
      }
      defer { group.cancelAll() }
      try await group.next()
      if leads.value { try await group.next() }
    }
  }

  private func lead(_ stop: StopSignal) async throws {
    let owner = MessageID.unique().rawValue
    logger.info("Runs the schedules", metadata: ["scheduler": "\(name)"])
    var rounds = schedules.map { schedule, ticks in
      ScheduleRound(
        schedule: schedule, name: "\(name)/\(schedule.name)",
        machine: ScheduleMachine(ticks: ticks, missed: schedule.missed, owner: owner), bus: bus,
        records: ScheduleRecords(store: store), clock: clock, logger: logger)
    }
    try await forgetOthers(rounds.map(\.name))
    while !stop.isSet, !Task.isCancelled {
      let known = Dictionary(uniqueKeysWithValues: try await ScheduleRecords(store: store).all().map { ($0.name, $0) })
      let (begin, now) = (clock.elapsed, clock.now)
      var next = now.adding(Self.poll)
      for index in rounds.indices {
        if let time = try await rounds[index].pass(known[rounds[index].name], stop) { next = min(next, time) }
      }
      // For no longer than that, though the clock were set back meanwhile.
      let pause = min(Self.poll, .clamped(seconds: next.timeIntervalSince(now)))
      await stop.sleep(untilElapsed: begin + pause, by: clock)
    }
  }

  /// Removes what is known of schedules that this program does not have any more.
  private func forgetOthers(_ names: [String]) async throws(BrokerError) {
    for record in try await store.records(of: .schedule)
    where record.key.name.hasPrefix("\(name)/") && !names.contains(record.key.name) {
      if try await store.remove(record.key, record.version) {
        logger.info("Forgot a schedule that the program no longer has", metadata: ["schedule": "\(record.key.name)"])
      }
    }
  }
}

extension Scheduler: CustomStringConvertible, CustomReflectable {
  /// `scheduler 'reports' of 'daily', 'weekly'`.
  public var description: String {
    "scheduler '\(name)' of \(schedules.map { "'\($0.schedule.name)'" }.joined(separator: ", "))"
  }
  /// Its name, and those of its schedules.
  public var customMirror: Mirror {
    Mirror(self, children: ["name": name, "schedules": schedules.map(\.schedule.name)])
  }
}
