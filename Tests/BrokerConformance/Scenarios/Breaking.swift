internal import Foundation
internal import Logging
internal import Synchronization
internal import Warren

/// A job whose queue belongs to one scenario.
private struct Call: JobMessage {
  static let name: MessageName = "suite.call"
  @TaskLocal static var place: Queue = "none"
  static var queue: Queue { place }
  static let retry: RetryPolicy = .fixed([.zero, .zero])
  var number: Int
}
private struct Down: Error {}

extension Scenario {
  /// Work that waits while what it needs is down.
  static let breaking: [Scenario] = [
    Scenario(
      "a circuit breaker leaves the queue alone, lets others have its messages, and is reset through the store",
      needs: [.store, .takesBack]
    ) { bench in
      let place = bench.queue("calls")
      try await Call.$place.withValue(place) {
        var options = Worker.Options()
        options.store = try bench.mustStore()
        let calls = Mutex(0)
        let isDown = Mutex(true)
        let worker = try Worker(
          bench.broker, name: "suite", options: options,
          logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        ) {
          On(Call.self) { _, _ in
            calls.withLock { $0 += 1 }
            if isDown.withLock({ $0 }) { throw Down() }
          }
          .concurrency(1).prefetch(4)
          .breaker("thing", BreakerRule(failures: 1, of: 3, pause: .seconds(3600), longestPause: .seconds(3600)))
        }
        let bus = EventBus(bench.broker, source: "suite", topology: worker.topology)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await worker.run() }
          for number in 1...8 { _ = try await bus.enqueue(Call(number: number)) }
          let breakers = Breakers(try bench.mustStore(), clock: bench.clock)
          try await eventually("the breaker is open") { try await !breakers.all().isEmpty }
          _ = try await bench.status(place.name) { $0.running == 0 }
          let called = calls.withLock { $0 }
          try check(called < 8, "not all are tried, but \(called) were")
          // Others can have what this worker leaves alone.
          try await bench.consume(place) { other in
            let delivery = try await other.mustNext()
            try equal(delivery.history.interruptions, 0, "interruptions")
            _ = try await bench.broker.settle(delivery, as: .complete)
          }
          isDown.withLock { $0 = false }
          try equal(try await breakers.reset("thing"), 1, "breakers that were reset")
          try await eventually("the breaker is closed") {
            try await bench.advance(.milliseconds(200))
            return try await breakers.all().isEmpty
          }
          _ = try await bench.status(place.name) { $0.ready == 0 && $0.running == 0 && $0.delayed ?? 0 == 0 }
          group.cancelAll()
        }
      }
    }
  ]
}
