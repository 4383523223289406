internal import Foundation
internal import Logging
internal import Warren

private struct Thing: EventMessage {
  static let name: MessageName = "test.thing"
  var number: Int
}
/// A job whose queue is that of the scenario.
private struct ThingJob: JobMessage {
  @TaskLocal static var place: Queue = "none"
  static let name: MessageName = "test.thing"
  static var queue: Queue { place }
  var number: Int
}
private struct Other: EventMessage {
  static let name: MessageName = "test.other"
  var text: String
}
private struct Oops: Error {}
private struct Busy: OutcomeError {
  var outcome: Outcome { .retry(after: .milliseconds(50)) }
}
private struct Fatal: Error, CustomStringConvertible { var description: String { "no use" } }

extension Bench {
  /// Runs a worker on one subscription to the exchange while `body` runs.
  func working(
    _ subscription: Subscription, _ body: @escaping @Sendable (EventBus) async throws -> Void
  ) async throws {
    var options = Worker.Options()
    options.clock = clock
    let worker = try Worker(
      broker, name: "suite", options: options, logger: Logger(label: "suite") { _ in SwiftLogNoOpLogHandler() }
    ) {
      subscription
    }
    try await broker.apply(worker.topology)
    let bus = EventBus(broker, exchange: worker.topology.exchanges[0], source: "suite", clock: clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      try await body(bus)
      group.cancelAll()
    }
  }
}

extension Scenario {
  /// The runtime over the engine: what handlers see and what becomes of what they throw.
  static let working: [Scenario] = [
    Scenario("a handler that fails is tried again as its policy says, then the event is a dead letter with its history")
    {
      bench in
      let queue = bench.queue("q")
      let attempts = Log<(attempt: Int, time: Date)>()
      let subscription = Subscription(queue, on: bench.exchange("e", .topic), to: "test.*") {
        On(Thing.self) { _, context in
          attempts.add((context.attempt, bench.clock.now))
          throw Oops()
        }
      }
      .retry(.fixed([.milliseconds(100), .milliseconds(200), .milliseconds(400)]))
      try await bench.working(subscription) { bus in
        try await bus.publish(Thing(number: 1))
        var last: Date?
        for (attempt, delay) in [(1, 0.0), (2, 0.1), (3, 0.2), (4, 0.4)] {
          if delay > 0 { _ = try await bench.status(queue.name) { $0.running == 0 } }
          try await bench.advance(.milliseconds(Int(delay * 1000)))
          let seen = try await attempts.next()
          try equal(seen.attempt, attempt, "attempt")
          if let last {
            try check(
              seen.time.timeIntervalSince(last) >= delay - 0.001,
              "\(delay) s after the last: \(seen.time.timeIntervalSince(last))")
          }
          last = seen.time
        }
        let letter = try await bench.deadLetters(of: queue, count: 1)[0]
        try equal(letter.reason.kind, .exhausted, "reason")
        try equal(letter.history.attempts, 4, "attempts")
        try equal(letter.history.failures.map(\.attempt), [1, 2, 3, 4], "failures")
        try equal(letter.history.failures.last?.error, "Oops", "error")
        try equal(letter.history.failures.last?.worker, "suite", "worker")
      }
    },
    Scenario("an error decides by its type: a dead letter at once, later without an attempt, after the time it names") {
      bench in
      let queue = bench.queue("q")
      let seen = Log<(Int, Int)>()
      let subscription = Subscription(queue, on: bench.exchange("e", .topic), to: "#") {
        On(Thing.self) { thing, context in
          seen.add((thing.number, context.attempt))
          switch (thing.number, context.attempt) {
          case (1, _): throw Fatal()
          case (2, 1): throw Busy()
          case (3, _): throw Outcome.deadLetter("the handler says so")
          case (4, _) where context.history.isEmpty && context.message.headers["again"] == nil: throw Outcome.complete
          default: return
          }
        }
      }
      .retry(.fixed([.seconds(3600)]).on(Fatal.self) { .deadLetter("\($0)") })
      try await bench.working(subscription) { bus in
        _ = try await bus.publish((1...4).map { Thing(number: $0) })
        let first = try await seen.next(4)
        try equal(Set(first.map(\.0)), [1, 2, 3, 4], "seen")
        let letters = try await bench.deadLetters(of: queue, count: 2)
        try equal(
          Set(letters.map(\.reason)),
          [DeadLetterReason(.rejected, "no use"), DeadLetterReason(.rejected, "the handler says so")], "reasons")
        try await bench.advance(.milliseconds(50))
        let again = try await seen.next()
        try equal(again.0, 2, "the busy one")
        try equal(again.1, 2, "its attempt")
        _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 && ($0.delayed ?? 0) == 0 }
      }
    },
    Scenario("4: what cannot be decoded, and what no handler takes, is parked with its body and the reason") { bench in
      let queue = bench.queue("q")
      let exchange = bench.exchange("e", .topic)
      let subscription = Subscription(queue, on: exchange, to: "#") { On(Thing.self) { _, _ in } }
      try await bench.working(subscription) { bus in
        var broken = bench.message("{\"type\":\"test.thing\",\"data\":{\"number\":\"seven\"}}")
        broken.timestamp = nil
        let garbage = bench.message("\u{0}not json")
        _ = try await bench.broker.publish(
          [broken, garbage].map { Publication($0, to: .exchange(exchange.name, "test.thing")) })
        try await bus.publish(Other(text: "who takes me?"))
        let letters = try await bench.deadLetters(of: queue, count: 3)
        try equal(letters.filter { $0.reason.kind == .undecodable }.count, 2, "undecodable")
        try equal(letters.filter { $0.reason.kind == .unhandled }.count, 1, "unhandled")
        try check(letters.contains { $0.message == broken }, "the broken one as it was")
        try check(letters.contains { $0.reason.detail.contains("number") }, "the field in \(letters.map(\.reason))")
        try equal(letters.map(\.history.attempts), [0, 0, 0], "attempts")
      }
    },
    Scenario("an event that no handler takes is completed where the subscription says so") { bench in
      let queue = bench.queue("q")
      let seen = Log<Int>()
      let subscription = Subscription(queue, on: bench.exchange("e", .topic), to: "#") {
        On(Thing.self) { thing, _ in seen.add(thing.number) }
      }
      .unhandled(.ignore)
      try await bench.working(subscription) { bus in
        try await bus.publish(Other(text: "no handler"))
        try await bus.publish(Thing(number: 1))
        try equal(try await seen.next(), 1)
        _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
        try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
      }
    },
    Scenario(
      "4: a job of unknown name waits for a deployment to finish, then it is parked, and the jobs beside it are handled"
    ) { bench in
      let queue = bench.queue("q")
      let seen = Log<Int>()
      var options = Worker.Options()
      options.clock = bench.clock
      options.unknownNamePatience = .milliseconds(400)
      let logger = Logger(label: "suite") { _ in SwiftLogNoOpLogHandler() }
      let worker = try ThingJob.$place.withValue(queue) {
        try Worker(bench.broker, name: "suite", options: options, logger: logger) {
          On(ThingJob.self) { job, _ in seen.add(job.number) }
        }
      }
      try await bench.broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        _ = try await bench.broker.publish([
          Publication(bench.message("{}", name: "test.unknown"), to: .queue(queue.name)),
          Publication(bench.message("{\"data\":{\"number\":1}}", name: "test.thing"), to: .queue(queue.name)),
        ])
        try equal(try await seen.next(), 1, "the one beside it")
        _ = try await bench.status(queue.name) { $0.running == 0 && $0.ready == 0 }
        try await bench.advance(.milliseconds(400))
        let letter = try await bench.deadLetters(of: queue, count: 1)[0]
        try equal(letter.reason.kind, .unknownName, "reason")
        try equal(letter.history.attempts, 0, "attempts")
        let waited = letter.time.timeIntervalSince(letter.history.failures.first?.time ?? letter.time)
        try check(waited > 0.39, "waited 0.4 s, not \(waited)")
        group.cancelAll()
      }
    },
    Scenario("what a foreign message lacks is found in its body or its routing key") { bench in
      let queue = bench.queue("q")
      let exchange = bench.exchange("e", .topic)
      let seen = Log<String>()
      let subscription = Subscription(queue, on: exchange, to: "#") {
        On(Thing.self) { thing, _ in seen.add("thing \(thing.number)") }
        On(Other.self) { other, _ in seen.add("other \(other.text)") }
        OnAny { message, context in seen.add("any \(context.routingKey) \(message.id == nil)") }
      }
      try await bench.working(subscription) { _ in
        func send(_ body: String, _ key: RoutingKey) async throws {
          let message = Message(id: nil, name: nil, body: Data(body.utf8))
          _ = try await bench.broker.publish([Publication(message, to: .exchange(exchange.name, key))])
        }
        try await send(
          "{\"type\":\"test.thing\",\"timestamp\":\"2024-12-10T14:20:00.123Z\",\"data\":{\"number\":7}}", "x")
        try await send("{\"data\":{\"text\":\"by key\"}}", "test.other")
        try await send("plain text", "stranger.things")
        try equal(Set(try await seen.next(3)), ["thing 7", "other by key", "any stranger.things true"], "seen")
      }
    },
    Scenario("correlation, cause and trace pass from the message being handled to what its handler publishes") {
      bench in
      let queue = bench.queue("q")
      let exchange = bench.exchange("e", .topic)
      let seen = Log<Message>()
      let bus = EventBus(bench.broker, exchange: exchange, source: "handler", clock: bench.clock)
      let subscription = Subscription(queue, on: exchange, to: "#") {
        On(Thing.self) { thing, context in
          seen.add(context.message)
          try await bus.publish(Other(text: "caused"))
        }
        On(Other.self) { _, context in seen.add(context.message) }
      }
      try await bench.working(subscription) { bus in
        try await bus.publish(Thing(number: 1), headers: ["traceparent": "00-trace-span-01"])
        let first = try await seen.next()
        let second = try await seen.next()
        try equal(second.causationID, first.id?.rawValue, "cause")
        try equal(second.correlationID, first.id?.rawValue, "correlation")
        try equal(second.headers["traceparent"], "00-trace-span-01", "trace")
        try equal(second.source, "handler", "source")
      }
    },
    Scenario("a worker that is stopped releases what it has not begun, and that costs no attempt") { bench in
      let queue = bench.queue("q")
      let begun = Log<Int>()
      let subscription = Subscription(queue, on: bench.exchange("e", .topic), to: "#") {
        On(Thing.self) { thing, _ in
          begun.add(thing.number)
          try await Task.sleep(for: .seconds(3600))
        }
      }
      .concurrency(2).prefetch(4)
      try await bench.working(subscription) { bus in
        _ = try await bus.publish((1...6).map { Thing(number: $0) })
        _ = try await begun.next(2)
      }
      try await bench.consume(queue) { consumer in
        for _ in 0..<6 {
          let delivery = try await consumer.mustNext()
          try check(delivery.history.isEmpty, "no history, not \(delivery.history)")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
    Scenario("a handler that takes longer than it may is a failed attempt") { bench in
      let queue = bench.queue("q")
      let begun = Log<Int>()
      let subscription = Subscription(queue, on: bench.exchange("e", .topic), to: "#") {
        On(Thing.self) { thing, context in
          begun.add(context.attempt)
          if context.attempt == 1 { try await Task.sleep(for: .seconds(3600)) }
        }
      }
      .retry(.fixed([.zero])).timeout(.milliseconds(200))
      try await bench.working(subscription) { bus in
        try await bus.publish(Thing(number: 1))
        try equal(try await begun.next(), 1)
        try await bench.advance(.milliseconds(200))
        try equal(try await begun.next(), 2)
        _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 && ($0.delayed ?? 0) == 0 }
      }
    },
    Scenario("4: a suspect runs alone: no other message is handled beside it") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let running = Log<Int>()
      let inside = Counter()
      let exchange = bench.exchange("e", .topic)
      let subscription = Subscription(queue, on: exchange, to: "#") {
        OnAny { message, _ in
          let now = inside.enter()
          let isSuspect = String(decoding: message.body, as: UTF8.self) == "suspect"
          for _ in 0..<20 { await Task.yield() }
          running.add(isSuspect ? max(now, inside.value) : 0)
          inside.leave()
        }
      }
      _ = try await bench.broker.publish([Publication(bench.message("suspect"), to: .queue(queue.name))])
      try await bench.consume(queue) { consumer in
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .isolate)
      }
      for number in 0..<30 {
        _ = try await bench.broker.publish([Publication(bench.message("\(number)"), to: .queue(queue.name))])
      }
      try await bench.working(subscription) { _ in
        let seen = try await running.next(31)
        try equal(seen.filter { $0 > 0 }, [1], "how many ran beside the suspect, itself included")
      }
    },
  ]
}
