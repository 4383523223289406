internal import Foundation
internal import Logging
internal import Warren

/// A job whose queue belongs to one scenario.
private struct Tick: JobMessage {
  static let name: MessageName = "suite.tick"
  @TaskLocal static var place: Queue = "none"
  static var queue: Queue { place }
  var time: Date
}

extension Bench {
  /// Turns the engine's time on until the task is cancelled. The pauses leave the schedulers time to do what is due: which of them
  /// does it, and when it has done so, is what the scenario looks for, so there is no fact to wait for here.
  fileprivate func letTimePass() async throws {
    while true {
      try await advance(.milliseconds(200))
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

extension Scenario {
  /// Jobs that come again and again.
  static let scheduling: [Scenario] = [
    Scenario(
      "a tick of a schedule is enqueued once, whichever of several processes does it, and goes on without the first",
      needs: [.store, .locks]
    ) { bench in
      let place = bench.queue("ticks")
      try await bench.broker.apply(Topology(queues: [place]))
      try await Tick.$place.withValue(place) {
        let schedulers = try (0..<3).map { _ in
          try Scheduler(
            EventBus(bench.broker, source: bench.prefix), store: bench.mustStore(), clock: bench.clock,
            logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
          ) {
            Schedule("tick", .every(.seconds(1))) { Tick(time: $0) }
          }
        }
        let ids = try await withThrowingTaskGroup(of: Void.self) { group in
          let works = schedulers.map { scheduler in Task { try await scheduler.run() } }
          group.addTask { try await bench.letTimePass() }
          defer {
            works.forEach { $0.cancel() }
            group.cancelAll()
          }
          return try await bench.consume(place) { consumer in
            var ids: [MessageID] = []
            while Set(ids).count < 6 {
              // One by one they end: whichever of them does the work, the others take over.
              let number = Set(ids).count
              if number == 2 || number == 4 { works[number / 2 - 1].cancel() }
              let delivery = try await consumer.mustNext()
              ids.append(delivery.message.id ?? "")
              _ = try await bench.broker.settle(delivery, as: .complete)
            }
            return ids
          }
        }
        // What was under way when a process ended is in doubt, and only an engine that knows keys keeps it out.
        let repeats = ids.count - Set(ids).count
        let mayRepeat = bench.broker.capabilities.uniqueness.isEmpty ? 2 : 0
        try check(repeats <= mayRepeat, "at most \(mayRepeat) repeats among \(ids)")
        try check(ids.allSatisfy { $0.rawValue.hasPrefix("schedule:\(bench.prefix)/tick@") }, "ids of ticks")
      }
    },
    Scenario("what an operator asks of a schedule is done by the process that runs it", needs: [.store, .locks]) {
      bench in
      let place = bench.queue("asked")
      try await bench.broker.apply(Topology(queues: [place]))
      let store = try bench.mustStore()
      try await Tick.$place.withValue(place) {
        let scheduler = try Scheduler(
          EventBus(bench.broker, source: bench.prefix), store: store, clock: bench.clock,
          logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        ) {
          Schedule("asked", .cron("0 0 29 2 *", in: "Europe/Berlin")) { Tick(time: $0) }
        }
        let schedules = Schedules(store, clock: bench.clock)
        let name = "\(bench.prefix)/asked"
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await scheduler.run() }
          group.addTask { try await bench.letTimePass() }
          try await eventually("the schedule is shown") {
            try await schedules.all().contains { $0.name == name }
          }
          try await schedules.pause(name)
          try check(try await schedules.schedule(name).isPaused, "paused")
          let id = try await schedules.run(name)
          try await bench.consume(place) { consumer in
            let delivery = try await consumer.mustNext()
            try equal(delivery.message.id, id)
            _ = try await bench.broker.settle(delivery, as: .complete)
          }
          try await schedules.resume(name)
          try check(try await schedules.schedule(name).next != nil, "a next time")
          group.cancelAll()
        }
      }
    },
  ]
}
