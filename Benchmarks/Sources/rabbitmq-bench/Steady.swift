internal import ArgumentParser
internal import Foundation
internal import Measuring
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals
internal import Warren
internal import WarrenRabbitMQ

/// An application that goes on publishing whatever happens to the broker: each job from a task of its own, as requests come.
struct Steady: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option(help: "Jobs a second.") var rate = 500
  @Option var seconds = 100
  @Option(help: "How long a call may take, in seconds.") var deadline = 5.0
  @Option(help: "Where to note the numbers of what was stored.") var log: String

  func run() async throws {
    let (rate, seconds) = (rate, seconds)
    let calls = Calls()
    try await place.open(publishDeadline: .seconds(deadline)).withBroker { broker in
      try await broker.apply(worker(broker, concurrency: 1) { _ in }.topology)
      let bus = EventBus(broker, source: "bench")
      try await withThrowingDiscardingTaskGroup { group in
        let start = ContinuousClock.now
        for number in 0..<(rate * seconds) {
          try await Task.sleep(until: start + .seconds(1) / rate * number, tolerance: .zero)
          group.addTask {
            let begin = ContinuousClock.now
            let failure = await errorCode { try await bus.enqueue(Task128(number: number)).result }
            let took = (ContinuousClock.now - begin) / .milliseconds(1)
            calls.note(number, failure, took: took)
          }
        }
      }
    }
    let result = calls.all
    try note(result.stored, in: log)
    report([
      "n": rate * seconds, "stored": result.stored.count, "failed": result.failed, "longest_ms": result.longest,
    ])
  }
}

/// What became of each call.
private final class Calls: Sendable {
  struct Outcomes {
    var stored: [Int] = []
    var failed: [String: Int] = [:]
    var longest = 0.0
  }
  private let outcomes = Mutex(Outcomes())

  var all: Outcomes { outcomes.withLock { $0 } }

  func note(_ number: Int, _ failure: String?, took milliseconds: Double) {
    outcomes.withLock { outcomes in
      outcomes.longest = max(outcomes.longest, milliseconds)
      if let failure { outcomes.failed[failure, default: 0] += 1 } else { outcomes.stored.append(number) }
    }
  }
}

private func errorCode(_ call: () async throws -> PublishResult) async -> String? {
  do {
    _ = try await call()
    return nil
  } catch { return (error as? BrokerError)?.code.rawValue ?? "\(error)" }
}

/// The worker beside it, until SIGTERM.
struct Serve: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option(help: "Where to note the numbers of what was handled.") var log: String

  func run() async throws {
    let handled = Handled(nil)
    let broker = try place.open()
    let worker = try worker(broker, concurrency: 100) { handled.note($0.number) }
    try await ServiceGroup(services: [broker, worker], gracefulShutdownSignals: [.sigterm], logger: quiet).run()
    try note(handled.numbers, in: log)
    report(["handled": handled.distinct, "repeats": handled.repeats])
  }
}

private func note(_ numbers: [Int], in file: String) throws {
  try numbers.map { "\($0)\n" }.joined().write(toFile: file, atomically: true, encoding: .utf8)
}
