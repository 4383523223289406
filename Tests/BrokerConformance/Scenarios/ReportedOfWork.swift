internal import Foundation
internal import Warren

private struct Letter: EventMessage {
  static let name: MessageName = "test.letter"
  var number: Int
}
private struct NoSuchAddress: Error {}

extension Scenario {
  /// What users of other projects reported of consumers and handlers. See ``reported``.
  static let reportedOfWork: [Scenario] = [
    Scenario("Faktory, jobs of a queue that was named as an internal key were lost: any name is a queue of its own") {
      bench in
      let names = [
        "default", "warren-lock", "message", "delayed", "q;DROP TABLE message;--", "it's \"quoted\"", "#", "*", "a/b c",
        "%00", "日本語", "..",
      ]
      let queues = names.map { bench.queue($0) }
      try await bench.broker.apply(Topology(queues: queues))
      for queue in queues { try await bench.fill(queue, queue.name.rawValue) }
      for queue in queues {
        try await bench.consume(queue) { consumer in
          let delivery = try await consumer.mustNext()
          try equal(delivery.text, queue.name.rawValue)
          _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), History(attempts: 1)))
        }
        try equal(try await bench.deadLetters(of: queue, count: 1).count, 1, "dead letters of \(queue.name)")
      }
    },
    Scenario("Shoryuken, the retry rule swallowed a final error: it is a dead letter at once under every rule") {
      bench in
      let final: RetryPolicy = .fixed([.zero, .zero]).on(NoSuchAddress.self) { .deadLetter("\($0)") }
      let policies: [RetryPolicy] = [
        final, .exponential(from: .seconds(1), retries: 20).jitter(1), .fixed([.seconds(3600)]),
        .fixed([.zero]).on((any Error).self) { _ in .retry(after: .zero) },
      ]
      for (number, policy) in policies.enumerated() {
        let queue = bench.queue("q\(number)")
        let subscription = Subscription(queue, on: bench.exchange("e\(number)", .topic), to: "#") {
          On(Letter.self) { _, _ in
            // By the rule of the policy, or by the handler itself.
            if number == 0 { throw NoSuchAddress() } else { throw Outcome.deadLetter("no such address") }
          }
        }
        .retry(policy)
        try await bench.working(subscription) { bus in
          try await bus.publish(Letter(number: number))
          let letter = try await bench.deadLetters(of: queue, count: 1)[0]
          try equal(letter.reason.kind, .rejected, "reason")
          try equal(letter.history.attempts, 1, "attempts")
        }
      }
    },
    Scenario("Shoryuken, a second stop waited for ever: a consumer can be stopped twice, and at once") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        let held = try await consumer.mustNext()
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<4 { group.addTask { consumer.stop() } }
        }
        try check(try await within { await consumer.next() } == nil, "nothing more")
        try equal(try await bench.broker.settle(held, as: .complete), .settled)
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running ?? 0 == 0 }
    },
    Scenario("Shoryuken, the limit drifted when settling failed: after 1,000 refused ones the prefetch is the same") {
      bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "b", "c")
      try await bench.consume(queue, prefetch: 2) { consumer in
        for _ in 0..<250 {
          let held = [try await consumer.mustNext(), try await consumer.mustNext()]
          for delivery in held { _ = try await bench.broker.settle(delivery, as: .release) }
          for delivery in held + held {
            try equal(try await bench.broker.settle(delivery, as: .complete), .stale, "settled before")
          }
        }
        let last = [try await consumer.mustNext(), try await consumer.mustNext()]
        try equal(try await bench.status(queue.name) { $0.ready == 1 }.ready, 1, "beyond the prefetch")
        for delivery in last { _ = try await bench.broker.settle(delivery, as: .complete) }
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .complete)
      }
    },
    Scenario("Solid Queue, a job ended both as done and as failed: of two settlements at once one counts") { bench in
      let queue = bench.queue("q")
      for round in 0..<10 {
        try await bench.fill(queue, "\(round)")
        try await bench.consume(queue) { consumer in
          let delivery = try await consumer.mustNext()
          async let done = bench.broker.settle(delivery, as: .complete)
          async let failed = bench.broker.settle(delivery, as: .deadLetter(.init(.exhausted), History(attempts: 1)))
          let results = try await [done, failed]
          try equal(results.count { $0 == .settled }, 1, "settled")
          if results[1] == .settled {
            _ = try await bench.deadLetters(of: queue, count: 1)
            try equal(try await bench.broker.deleteDeadLetters(.init(origin: queue.name)), 1, "dead letters")
          } else {
            try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
          }
        }
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running ?? 0 == 0 }
    },
    Scenario("pgqueuer, rows of a claimed batch were stranded at a stop: each is handled or goes back, uncounted") {
      bench in
      let queue = bench.queue("q")
      let count = 60
      try await bench.broker.apply(Topology(queues: [queue]))
      _ = try await bench.broker.publish(
        (0..<count).map { Publication(bench.message("\($0)"), to: .queue(queue.name)) })
      let done = try await bench.consume(queue, prefetch: 40) { consumer in
        var done: Set<String> = []
        for _ in 0..<7 {
          let delivery = try await consumer.mustNext()
          done.insert(delivery.text)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
        return done
      }
      _ = try await bench.status(queue.name) { $0.ready == count - 7 && $0.running ?? 0 == 0 }
      try await bench.consume(queue, prefetch: 10) { consumer in
        var left: Set<String> = []
        for _ in 0..<(count - 7) {
          let delivery = try await consumer.mustNext()
          try check(delivery.history.isEmpty, "nothing counted, not \(delivery.history)")
          left.insert(delivery.text)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
        try equal(left.union(done).count, count, "messages")
      }
    },
    Scenario("pgbus, a crash while a listener closed: many starts and stops, and the next consumer has its message") {
      bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      // A start costs RabbitMQ some channels and up to half a second.
      let rounds = bench.broker.capabilities.engine.hasPrefix("SQLite") ? 500 : 40
      for round in 0..<rounds {
        try await bench.consume(queue, prefetch: 1 + round % 3) { consumer in
          // With a delivery, without one, and while one comes.
          if round % 2 == 0 { _ = try await consumer.mustNext() }
          if round % 3 == 0 { consumer.stop() }
        }
      }
      try await bench.consume(queue) { consumer in
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .complete)
      }
    },
    Scenario("NServiceBus, what was delayed for a queue that is not there was lost: it is unroutable") { bench in
      let missing = bench.queue("missing").name
      let results = try await bench.broker.publish([
        Publication(bench.message("x"), to: .queue(missing), notBefore: bench.clock.now + 3600),
        Publication(bench.message("x"), to: .queue(missing)),
      ])
      for result in results { try equal("\(result)", "unroutable", "result") }
    },
    Scenario("Sidekiq, retrying all went on for ever: what is parked again meanwhile is left alone") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "b", "c")
      try await bench.consume(queue) { consumer in
        for _ in 0..<3 {
          _ = try await bench.broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(.exhausted), History(attempts: 1)))
        }
        let last = try await bench.deadLetters(of: queue, count: 3).map(\.time).max() ?? .distantPast
        try await bench.advance(.milliseconds(1100))
        let failing = Task {
          // Each fails again at once.
          for _ in 0..<3 {
            let delivery = try await consumer.mustNext()
            _ = try await bench.broker.settle(
              delivery, as: .deadLetter(.init(.exhausted), History(attempts: 1, replays: delivery.history.replays)))
          }
        }
        let selection = DeadLetterSelection(origin: queue.name, until: last)
        let report = try await within { try await bench.broker.replay(selection) }
        try equal(report.replayed, 3, "replayed")
        try await failing.value
        try equal(try await bench.deadLetters(of: queue, count: 3).map(\.history.replays), [1, 1, 1], "replays")
        try equal(try await bench.broker.replay(selection).replayed, 0, "replayed again")
      }
    },
  ]
}
