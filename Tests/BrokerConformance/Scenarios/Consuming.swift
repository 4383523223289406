internal import Foundation
internal import Warren

extension Scenario {
  /// Laws 2, 5 and 6: handing out and settling.
  static let consuming: [Scenario] = [
    Scenario("2: what a consumer leaves unsettled comes again under the same id, and nothing is counted") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "b", "c")
      let ids = try await bench.consume(queue) { consumer in
        var ids: Set<MessageID> = []
        for _ in 0..<2 { if let id = try await consumer.mustNext().message.id { ids.insert(id) } }
        return ids
      }
      try await bench.consume(queue) { consumer in
        var again: Set<MessageID> = []
        for _ in 0..<3 {
          let delivery = try await consumer.mustNext()
          if let id = delivery.message.id { again.insert(id) }
          try equal(delivery.history.attempts, 0, "attempts")
          try equal(delivery.history.interruptions, 0, "interruptions")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
        try check(ids.isSubset(of: again) && again.count == 3, "the same ids")
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
    },
    Scenario("2: a released message comes again at once under the same id, and nothing is counted") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a")
      try await bench.consume(queue) { consumer in
        let first = try await consumer.mustNext()
        _ = try await bench.broker.settle(first, as: .release)
        let second = try await consumer.mustNext()
        try equal(second.message, first.message, "message")
        try check(second.history.isEmpty, "no history, not \(second.history)")
        _ = try await bench.broker.settle(second, as: .complete)
      }
    },
    Scenario("5: who has lost a delivery cannot settle it, whatever the outcome; nothing is changed") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a")
      let lost = try await bench.consume(queue) { try await $0.mustNext() }
      try await bench.consume(queue) { consumer in
        let mine = try await consumer.mustNext()
        let later = bench.clock.now.addingTimeInterval(60)
        let outcomes: [Settlement] = [
          .complete, .release, .postpone(until: later), .retry(at: later, History(attempts: 1)), .isolate,
          .deadLetter(.init(.rejected), History()),
        ]
        for outcome in outcomes {
          try equal(try await bench.broker.settle(lost, as: outcome), .stale, "\(outcome)")
        }
        try equal(try await bench.broker.settle(mine, as: .complete), .settled, "the owner's")
        try equal(try await bench.broker.settle(mine, as: .complete), .stale, "the second time")
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 && ($0.delayed ?? 0) == 0 }
      try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
    },
    Scenario("6: no more than the prefetch is out, and settling one lets one more out") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2", "3", "4", "5", "6")
      try await bench.consume(queue, prefetch: 2) { consumer in
        let first = try await consumer.mustNext()
        let second = try await consumer.mustNext()
        _ = try await bench.status(queue.name) { $0.running == 2 && $0.ready == 4 }
        _ = try await bench.broker.settle(second, as: .complete)
        let third = try await consumer.mustNext()
        try equal(third.text, "3")
        _ = try await bench.status(queue.name) { $0.running == 2 && $0.ready == 3 }
        for delivery in [first, third] { _ = try await bench.broker.settle(delivery, as: .complete) }
      }
      _ = try await bench.status(queue.name) { $0.running == 0 && $0.ready == 3 }
    },
    Scenario("6: two consumers of a queue share it, and none gets what the other has") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let seen = Log<String>()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask {
            try await bench.consume(queue, prefetch: 5) { consumer in
              while let delivery = await consumer.next() {
                seen.add(delivery.text)
                _ = try await bench.broker.settle(delivery, as: .complete)
              }
            }
          }
        }
        let texts = (0..<200).map { "\($0)" }
        _ = try await bench.broker.publish(texts.map { Publication(bench.message($0), to: .queue(queue.name)) })
        try equal(Set(try await seen.next(200)), Set(texts), "what was seen")
        _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
        group.cancelAll()
      }
    },
    Scenario("what waits is handed out in the order of arrival") { bench in
      let queue = bench.queue("q")
      let texts = (0..<50).map { "\($0)" }
      try await bench.broker.apply(Topology(queues: [queue]))
      for text in texts {
        _ = try await bench.broker.publish([Publication(bench.message(text), to: .queue(queue.name))])
      }
      try await bench.consume(queue, prefetch: 3) { consumer in
        for text in texts {
          let delivery = try await consumer.mustNext()
          try equal(delivery.text, text)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
    Scenario("the higher priority goes first, also after a retry", needs: [.priority]) { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      func publish(_ text: String, _ priority: Priority) async throws {
        var message = bench.message(text)
        message.priority = priority
        _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])
      }
      try await publish("normal", .normal)
      try await publish("low", .low)
      try await publish("high", .high)
      try await publish("normal too", .normal)
      try await bench.consume(queue, prefetch: 1) { consumer in
        let first = try await consumer.mustNext()
        try equal(first.text, "high")
        _ = try await bench.broker.settle(first, as: .retry(at: bench.clock.now, History(attempts: 1)))
        for text in ["high", "normal", "normal too", "low"] {
          let delivery = try await consumer.mustNext()
          try equal(delivery.text, text)
          if text == "high" { try equal(delivery.message.priority, .high, "priority") }
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
    Scenario("a job is not handed out before its time, and not much later") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let due = bench.clock.now.addingTimeInterval(0.5)
      _ = try await bench.broker.publish([
        Publication(bench.message("later"), to: .queue(queue.name), notBefore: due),
        Publication(bench.message("now"), to: .queue(queue.name)),
      ])
      try await bench.consume(queue) { consumer in
        // In either order: by real time the other one may be due before the first is taken.
        var seen: Set<String> = []
        for turn in 1...2 {
          if turn == 2 { try await bench.advance(.milliseconds(500)) }
          let delivery = try await consumer.mustNext()
          seen.insert(delivery.text)
          if delivery.text == "later" { try check(bench.clock.now >= due, "not early") }
          let told = delivery.due.map { abs($0.timeIntervalSince(due)) < 0.002 }
          try equal(told, delivery.text == "later" ? true : nil, "until when '\(delivery.text)' was delayed")
          try check(delivery.history.isEmpty, "no history")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
        try equal(seen, ["now", "later"], "what came")
      }
    },
    Scenario("a consumer that stops gets nothing more, what it holds can still be settled") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "b")
      try await bench.consume(queue, prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        consumer.stop()
        try check(await consumer.next() == nil, "the end")
        try equal(try await bench.broker.settle(held, as: .complete), .settled)
      }
      _ = try await bench.status(queue.name) { $0.ready == 1 && $0.running == 0 }
    },
    Scenario(
      "5: what a consumer has not begun goes back at once when it stops, while it still works on the rest",
      needs: [.takesBack]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2", "3")
      try await bench.consume(queue, prefetch: 3) { consumer in
        let held = try await consumer.mustNext()
        _ = try await bench.status(queue.name) { $0.running == 3 }
        consumer.stop()
        try await bench.consume(queue) { other in
          for _ in 0..<2 {
            let delivery = try await other.mustNext()
            try check(delivery.history.isEmpty, "no history, not \(delivery.history)")
            try equal(try await bench.broker.settle(delivery, as: .complete), .settled)
          }
        }
        try equal(try await bench.broker.settle(held, as: .complete), .settled, "the one that was begun")
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
    },
    Scenario("a paused consumer leaves the messages to others, uncounted, until it is resumed", needs: [.takesBack]) {
      bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2")
      try await bench.consume(queue) { consumer in
        consumer.pause(until: bench.clock.now.addingTimeInterval(3600))
        try await bench.consume(queue) { other in
          for _ in 0..<2 {
            let delivery = try await other.mustNext()
            try check(delivery.history.isEmpty, "no history, not \(delivery.history)")
            _ = try await bench.broker.settle(delivery, as: .complete)
          }
        }
        _ = try await bench.broker.publish([Publication(bench.message("3"), to: .queue(queue.name))])
        _ = try await bench.status(queue.name) { $0.ready == 1 && $0.running == 0 }
        consumer.resume()
        let delivery = try await consumer.mustNext()
        try equal(delivery.text, "3")
        _ = try await bench.broker.settle(delivery, as: .complete)
      }
    },
    Scenario("to consume a queue that does not exist is an error") { bench in
      try await expect(.notFound) {
        try await bench.consume(bench.queue("missing")) { _ = try await $0.mustNext() }
      }
    },
  ]
}
