internal import Foundation
internal import Logging
internal import Warren

extension Bench {
  /// A worker whose handlers of a body `long…` run until they are cancelled.
  fileprivate func worker(on queue: Queue, _ seen: Log<String>) throws -> Worker {
    var options = Worker.Options()
    options.clock = clock
    return try Worker(
      broker, name: "suite", options: options, logger: Logger(label: "suite") { _ in SwiftLogNoOpLogHandler() }
    ) {
      Subscription(queue.adopted()) {
        OnAny { message, _ in
          let text = String(decoding: message.body, as: UTF8.self)
          seen.add(text)
          if text.hasPrefix("long") { try await Task.sleep(for: .seconds(3600)) }
        }
      }
      .concurrency(2)
    }
  }

  /// Cancels a message until a worker answers that it did.
  fileprivate func cancel(_ id: MessageID, in queue: Queue) async throws {
    let end = ContinuousClock.now + patience
    while try await broker.cancel(id, in: queue.name) == 0 {
      if ContinuousClock.now > end { throw ScenarioFailure("no worker had '\(id)'") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}

extension Scenario {
  /// What workers handle is shown, and can be ended by itself.
  static let cancelling: [Scenario] = [
    Scenario("a handler that is asked to end leaves a dead letter, and its slot goes on with the next message") {
      bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let messages = ["long 1", "long 2", "short"].map { bench.message($0) }
      let seen = Log<String>()
      let worker = try bench.worker(on: queue, seen)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        for message in messages { _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))]) }
        try equal(Set(try await seen.next(2)), ["long 1", "long 2"], "what runs")
        guard let id = messages[0].id else { return }
        try await bench.cancel(id, in: queue)
        try equal(try await seen.next(), "short", "the next")
        let letter = try await bench.deadLetters(of: queue, count: 1)[0]
        try equal(letter.message.id, id, "the dead letter")
        try equal(letter.reason.kind, .cancelled, "its reason")
        try equal(letter.history.attempts, 0, "attempts")
        try equal(try await bench.broker.cancel(id, in: queue.name), 0, "handlers of what is over")
        group.cancelAll()
      }
      _ = try await bench.status(queue.name) { $0.ready == 1 && $0.running == 0 }
    },
    Scenario("the workers tell which messages they handle") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let message = bench.message("long")
      let seen = Log<String>()
      let worker = try bench.worker(on: queue, seen)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])
        _ = try await seen.next()
        let end = ContinuousClock.now + patience
        var running: RunningDelivery?
        while running == nil, ContinuousClock.now < end {
          running = try await bench.broker.workers().lazy.flatMap { $0.deliveries ?? [] }.first { $0.id == message.id }
          if running == nil { try await Task.sleep(for: .milliseconds(200)) }
        }
        try equal(running?.queue, queue.name, "its queue")
        try equal(running?.name, message.name, "its name")
        try check(abs((running?.since ?? .distantPast).timeIntervalSince(bench.clock.now)) < 60, "since when")
        group.cancelAll()
      }
    },
    Scenario("a handler in another process can be asked to end", needs: [.otherProcesses]) { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let message = bench.message("endless")
      _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])
      let worker = try await OtherProcess.working(on: queue.name, hangingOn: "endless", bench)
      guard let id = message.id else { return }
      try await bench.cancel(id, in: queue)
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      try equal(letter.reason.kind, .cancelled, "its reason")
      worker.kill()
    },
  ]
}
