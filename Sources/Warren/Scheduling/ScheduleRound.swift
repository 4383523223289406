internal import Foundation
internal import Logging

/// Does for one schedule what its machine decides, in the process that leads.
struct ScheduleRound {
  let schedule: Schedule
  /// With that of the scheduler.
  let name: String
  let machine: ScheduleMachine
  let bus: EventBus
  let records: ScheduleRecords
  let clock: any BrokerClock
  let logger: Logger
  private let instruments: Instruments
  private var failures = 0
  /// When it is tried again, by the time that has passed.
  private var again: Duration?

  init(
    schedule: Schedule, name: String, machine: ScheduleMachine, bus: EventBus, records: ScheduleRecords,
    clock: any BrokerClock, logger: Logger
  ) {
    self.schedule = schedule
    self.name = name
    self.machine = machine
    self.bus = bus
    instruments = Instruments(engine: bus.broker.capabilities.engine)
    self.records = records
    self.clock = clock
    self.logger = logger
  }

  /// Does what is due. Returns when there is something to do next, as far as that is known.
  mutating func pass(_ known: ScheduleRecords.Entry?, _ stop: StopSignal) async throws -> Date? {
    if let pause, pause > .zero { return clock.now.adding(pause) }
    var entry = known
    while !stop.isSet, !Task.isCancelled {
      let now = clock.now
      guard let found = entry else {
        let key = StoreKey(.schedule, name)
        let new = ScheduleRecords.Entry(key: key, version: nil, state: ScheduleState(schedule, now: now))
        entry = try await write(new.state, new)
        continue
      }
      let current = found.state.updated(schedule, now: now)
      if current != found.state {
        entry = try await write(current, found)
        continue
      }
      switch machine.step(current, now: now) {
      case .wait(let time): return time
      case .write(let state):
        if state.run == nil, let tick = state.lastTick { note(missed: tick) }
        entry = try await write(state, found)
      case .enqueue(let run):
        guard try await enqueue(run) else { return pause.map { clock.now.adding($0) } }
        let machine = machine
        entry = try await records.change(name) { machine.done(run, $0, now: now) }
      }
    }
    return nil
  }

  private var pause: Duration? { again.map { $0 - clock.elapsed } }

  /// Writes, or reads what another process has written meanwhile.
  private func write(
    _ state: ScheduleState, _ entry: ScheduleRecords.Entry
  ) async throws(BrokerError) -> ScheduleRecords.Entry? {
    if let written = try await records.write(state, entry) { return written }
    return try await records.entry(name)
  }

  /// Whether it was enqueued, or had been before. If not, it is tried again after a pause that grows.
  private mutating func enqueue(_ run: ScheduleState.Run) async throws(BrokerError) -> Bool {
    let id = run.id(of: name)
    let canKeep = bus.broker.capabilities.uniqueness.contains(.keep)
    let failure: any Error
    do {
      let receipt = try await bus.enqueue([
        schedule.request(run.tick, id, canKeep ? .key(id.rawValue) : nil)
      ])[0].orThrow()
      (failures, again) = (0, nil)
      instruments.scheduled(name, job: schedule.job, "enqueued")
      logger.info(
        "Enqueued the job of a schedule",
        metadata: [
          "schedule": "\(name)", "tick": "\(run.tick.formatted(.iso8601))", "message.id": "\(id)",
          "result": receipt.isStored ? "stored" : "repeated",
        ])
      return true
    } catch {
      failure = error
    }
    // A lock that was lost, or a stop: the run stays begun, and the next process does it.
    if Task.isCancelled { return false }
    failures += 1
    let pause = Duration.seconds(min(60, 1 << min(failures - 1, 6)))
    again = clock.elapsed + pause
    instruments.scheduled(name, job: schedule.job, "failed")
    logger.error(
      "The job of a schedule cannot be enqueued now",
      metadata: ["schedule": "\(name)", "error": "\(failure)", "again.in": "\(pause)"])
    let text = "\(failure)".cut(toUTF8: 500)
    try await records.change(name) { state in
      guard state.run == run, state.error != text else { return nil }
      var state = state
      state.error = text
      return state
    }
    return false
  }

  private func note(missed tick: Date) {
    instruments.scheduled(name, job: schedule.job, "missed")
    logger.warning(
      "Left out the ticks of a schedule that no process was there for",
      metadata: ["schedule": "\(name)", "until": "\(tick.formatted(.iso8601))"])
  }
}
