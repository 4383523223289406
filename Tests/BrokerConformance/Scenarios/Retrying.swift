internal import Foundation
internal import Warren

extension Scenario {
  /// Law 3.
  static let retrying: [Scenario] = [
    Scenario("3: a retry goes to the queue that failed, never through the exchange again") { bench in
      let exchange = bench.exchange("fanout", .fanout)
      let failing = bench.queue("failing"), other = bench.queue("other")
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [failing, other],
          bindings: [Binding(failing.name, to: exchange.name), Binding(other.name, to: exchange.name)]))
      _ = try await bench.broker.publish([Publication(bench.message("x"), to: .exchange(exchange.name, "test.thing"))])
      try await bench.consume(failing) { consumer in
        let first = try await consumer.mustNext()
        _ = try await bench.broker.settle(
          first, as: .retry(at: bench.clock.now.addingTimeInterval(0.1), History(attempts: 1)))
        try await bench.advance(.milliseconds(100))
        let second = try await consumer.mustNext()
        try equal(second.message.id, first.message.id, "id")
        try equal(second.exchange, exchange.name, "exchange")
        try equal(second.routingKey, "test.thing", "routing key")
        _ = try await bench.broker.settle(second, as: .complete)
      }
      _ = try await bench.status(other.name) { $0.ready == 1 }
    },
    Scenario("3: id, body, headers, priority, expiry and history survive retries") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      var message = bench.message("body", headers: ["traceparent": "00-a-b-01", "own": "x"])
      message.priority = .high
      message.correlationID = "c"
      message.timestamp = Date(timeIntervalSince1970: 1_700_000_000)
      message.expiresAt = Date(timeIntervalSince1970: bench.clock.now.timeIntervalSince1970.rounded() + 3600)
      _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])
      let sent = message
      try await bench.consume(queue) { consumer in
        var history = History()
        for attempt in 1...7 {
          let delivery = try await consumer.mustNext()
          try equal(delivery.message, sent, "message")
          try equal(delivery.history, history, "history")
          history.attempts = attempt
          history.note(
            Failure(
              time: Date(timeIntervalSince1970: 1_700_000_000), attempt: attempt, error: "Oops",
              message: String(repeating: "long ü ", count: 100), worker: "suite"))
          let due = bench.clock.now.addingTimeInterval(0.05)
          _ = try await bench.broker.settle(delivery, as: .retry(at: due, history))
          try await bench.advance(.milliseconds(50))
        }
        let last = try await consumer.mustNext()
        try equal(last.history, history, "history")
        try equal(last.history.failures.count, History.failuresKept, "failures kept")
        _ = try await bench.broker.settle(last, as: .complete)
      }
    },
    Scenario("3: a long delay does not hold up a shorter one or what waits behind it") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "long", "short", "now")
      try await bench.consume(queue, prefetch: 1) { consumer in
        for delay in [600.0, 0.2] {
          let delivery = try await consumer.mustNext()
          _ = try await bench.broker.settle(
            delivery, as: .retry(at: bench.clock.now.addingTimeInterval(delay), History(attempts: 1)))
        }
        let now = try await consumer.mustNext()
        try equal(now.text, "now")
        _ = try await bench.broker.settle(now, as: .complete)
        try await bench.advance(.milliseconds(200))
        let short = try await consumer.mustNext()
        try equal(short.text, "short")
        _ = try await bench.broker.settle(short, as: .complete)
        _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
      }
    },
    Scenario("3: postponing costs no attempt and keeps the history") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        let history = History(
          attempts: 2,
          failures: [
            Failure(
              time: Date(timeIntervalSince1970: 1_700_000_000), attempt: 2, error: "E", message: "m", worker: "w")
          ])
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .retry(at: bench.clock.now, history))
        let delivery = try await consumer.mustNext()
        let due = bench.clock.now.addingTimeInterval(0.2)
        _ = try await bench.broker.settle(delivery, as: .postpone(until: due))
        try await bench.advance(.milliseconds(200))
        let again = try await consumer.mustNext()
        try check(bench.clock.now >= due, "not early")
        try equal(again.history, history, "history")
        _ = try await bench.broker.settle(again, as: .complete)
      }
    },
  ]
}
