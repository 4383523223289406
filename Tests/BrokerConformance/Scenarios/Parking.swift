internal import Foundation
internal import Warren

extension Scenario {
  /// Law 4, and what a person can do with dead letters.
  static let parking: [Scenario] = [
    Scenario("4: a visit of dead letters meets each once, the oldest first, and stops when it has enough") { bench in
      let queue = bench.queue("q")
      let texts = (1...5).map { "\($0)" }
      try await bench.fill(queue, "1", "2", "3", "4", "5")
      try await bench.consume(queue, prefetch: 1) { consumer in
        for _ in texts {
          let delivery = try await consumer.mustNext()
          _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), delivery.history))
        }
      }
      _ = try await bench.deadLetters(of: queue, count: 5)
      let seen = Log<String>()
      let all = DeadLetterSelection(origin: queue.name, limit: .max)
      let hasMore = try await bench.broker.visitDeadLetters(all) { letters in
        for letter in letters { seen.add(String(decoding: letter.message.body, as: UTF8.self)) }
        return true
      }
      try equal(try await seen.next(5), texts, "what was met")
      try check(!hasMore, "no more")
      var some = all
      some.limit = 3
      let count = Counter()
      let more = try await bench.broker.visitDeadLetters(some) { letters in
        for _ in letters { _ = count.enter() }
        return true
      }
      try equal(count.value, 3, "how many were met")
      try check(more, "more")
      try check(try await bench.broker.visitDeadLetters(all) { _ in false }, "more than was wanted")
    },
    Scenario("4: a dead letter keeps its id, body, headers, reason, history and origin") { bench in
      let exchange = bench.exchange("e", .topic)
      var queue = bench.queue("q")
      queue.deadLetter = .exchange(
        ExchangeName("\(bench.prefix).dlx"), key: RoutingKey("\(bench.prefix).dead"))
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name, key: "test.#")]))
      var message = bench.message("body", headers: ["own": "x"])
      message.timestamp = Date(timeIntervalSince1970: 1_700_000_000)
      message.correlationID = "c"
      _ = try await bench.broker.publish([Publication(message, to: .exchange(exchange.name, "test.thing"))])
      let history = History(
        attempts: 4,
        failures: [
          Failure(
            time: Date(timeIntervalSince1970: 1_700_000_000), attempt: 4, error: "MailError", message: "refused",
            worker: "w")
        ])
      try await bench.consume(queue) { consumer in
        _ = try await bench.broker.settle(
          try await consumer.mustNext(), as: .deadLetter(.init(.exhausted, "MailError: refused"), history))
      }
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      try equal(letter.message, message, "message")
      try equal(letter.history, history, "history")
      try equal(letter.origin, queue.name, "origin")
      try equal(letter.queue.rawValue, "\(bench.prefix).dead", "queue")
      try equal(letter.exchange, exchange.name, "exchange")
      try equal(letter.routingKey, "test.thing", "routing key")
      try equal(letter.reason, .init(.exhausted, "MailError: refused"), "reason")
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
      _ = try await bench.status(letter.queue) { $0.ready == 1 && $0.holdsDeadLetters }
    },
    Scenario("4: a replay goes back to the origin alone, with its id, its record and a new set of attempts") { bench in
      let exchange = bench.exchange("fanout", .fanout)
      let a = bench.queue("a"), b = bench.queue("b")
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [a, b],
          bindings: [Binding(a.name, to: exchange.name), Binding(b.name, to: exchange.name)]))
      let message = bench.message("x")
      _ = try await bench.broker.publish([Publication(message, to: .exchange(exchange.name, "k"))])
      try await bench.consume(a) { consumer in
        let history = History(
          attempts: 4, interruptions: 1,
          failures: [
            Failure(time: Date(timeIntervalSince1970: 1_700_000_000), attempt: 4, error: "E", message: "m", worker: "w")
          ])
        _ = try await bench.broker.settle(
          try await consumer.mustNext(), as: .deadLetter(.init(.exhausted), history))
        _ = try await bench.deadLetters(of: a, count: 1)
        let report = try await bench.broker.replay(.init(origin: a.name, ids: [message.id].compactMap(\.self)))
        try equal(report, ReplayReport(replayed: 1, stayed: 0), "report")
        let again = try await consumer.mustNext()
        try equal(again.message.id, message.id, "id")
        try equal(again.history, history.replayed(), "history")
        try equal(again.history.attempts, 0, "attempts")
        _ = try await bench.broker.settle(again, as: .complete)
      }
      try equal(try await bench.broker.deadLetters(.init(origin: a.name)).letters.count, 0, "dead letters")
      _ = try await bench.status(b.name) { $0.ready == 1 }
    },
    Scenario("4: an edited copy is a new message that names the old one, which is gone") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "wrong")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), History(attempts: 1)))
        let letter = try await bench.deadLetters(of: queue, count: 1)[0]
        guard let id = letter.message.id else { throw ScenarioFailure("an id") }
        var edited = letter.message
        edited.id = .unique()
        edited.body = Data("right".utf8)
        try await bench.broker.replace(id, in: letter.queue, with: edited)
        let again = try await consumer.mustNext()
        try equal(again.text, "right")
        try equal(again.message.id, edited.id, "id")
        try equal(again.message.headers["warren-edited-from"], id.rawValue, "edited-from")
        _ = try await bench.broker.settle(again, as: .complete)
        try await expect(.notFound) { try await bench.broker.replace(id, in: letter.queue, with: edited) }
      }
      try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
    },
    Scenario("4: an edited copy is handled though its time to live is over") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "wrong")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.expired), History()))
        let letter = try await bench.deadLetters(of: queue, count: 1)[0]
        guard let id = letter.message.id else { throw ScenarioFailure("an id") }
        var edited = letter.message
        edited.id = .unique()
        edited.expiresAt = bench.clock.now - 60
        try await bench.broker.replace(id, in: letter.queue, with: edited)
        let again = try await consumer.mustNext()
        try equal(again.message.id, edited.id, "id")
        try equal(again.message.expiresAt, nil, "time to live")
        _ = try await bench.broker.settle(again, as: .complete)
      }
      try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
    },
    Scenario("4: dead letters are selected by id, name, reason and text, page by page, and deleted") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let names: [MessageName] = ["mail.send", "mail.send", "image.resize", "image.resize", "mail.send"]
      for (number, name) in names.enumerated() {
        _ = try await bench.broker.publish([
          Publication(bench.message("\(number)", name: name), to: .queue(queue.name))
        ])
      }
      try await bench.consume(queue) { consumer in
        for number in 0..<5 {
          let kind: DeadLetterReason.Kind = number == 4 ? .undecodable : .exhausted
          _ = try await bench.broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(kind, "reason \(number)"), History(attempts: number)))
        }
      }
      let all = try await bench.deadLetters(of: queue, count: 5)
      try equal(all.map(\.history.attempts), [0, 1, 2, 3, 4], "the oldest first")
      func count(_ change: (inout DeadLetterSelection) -> Void) async throws -> Int {
        var selection = DeadLetterSelection(origin: queue.name)
        change(&selection)
        let page = try await bench.broker.deadLetters(selection)
        return page.letters.count
      }
      func count(_ condition: MessageCondition) async throws -> Int {
        try await count { $0.filter = MessageFilter([condition]) }
      }
      try equal(try await count(.init(.name, .equals(["mail.send"]))), 3, "by name")
      try equal(try await count(.init(.name, .resembles(["*.send"]))), 3, "by pattern")
      try equal(try await count(.init(.name, .equals(["mail.send"]), isNegated: true)), 2, "by what it is not")
      try equal(try await count(.init(.reason, .equals(["undecodable", "expired"]))), 1, "by reason")
      try equal(try await count(.init(.error, .contains("REASON 2"))), 1, "by text")
      try equal(try await count(.init(.attempts, .compares(.greaterOrEqual, 3))), 2, "by attempts")
      try equal(try await count(.init(.queue, .equals([queue.name.rawValue]))), 5, "by the queue that gave up")
      try equal(try await count(.init(.text, .contains(all[3].message.id?.rawValue ?? "-"))), 1, "by any text")
      try equal(try await count { $0.ids = all[1].message.id.map { [$0] } ?? [] }, 1, "by id")
      try equal(try await count { $0.queue = "\(bench.prefix).elsewhere" }, 0, "by queue")
      var page = try await bench.broker.deadLetters(.init(origin: queue.name, limit: 2))
      var attempts = page.letters.map(\.history.attempts)
      while let next = page.next {
        page = try await bench.broker.deadLetters(.init(origin: queue.name, limit: 2, after: next))
        attempts += page.letters.map(\.history.attempts)
        try check(attempts.count < 10, "an end")
      }
      try equal(attempts, [0, 1, 2, 3, 4], "all pages")
      try equal(try await bench.broker.deleteDeadLetters(.init(origin: queue.name, name: "mail.send")), 3, "deleted")
      try equal(try await count { _ in }, 2, "left")
    },
    Scenario("4: dead letters are selected by when they were parked, so that a replay leaves later ones alone") {
      bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      try await bench.consume(queue) { consumer in
        for number in 0..<3 {
          _ = try await bench.broker.publish([Publication(bench.message("\(number)"), to: .queue(queue.name))])
          _ = try await bench.broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(.rejected), History(attempts: 1)))
          try await bench.advance(.milliseconds(5))
        }
        let times = try await bench.deadLetters(of: queue, count: 3).map(\.time)
        func count(_ until: Date) async throws -> Int {
          let page = try await bench.broker.deadLetters(.init(origin: queue.name, until: until))
          return page.letters.count
        }
        try equal(try await count(times[1]), 2, "up to the second, itself included")
        try equal(try await count(times[1].addingTimeInterval(-0.001)), 1, "before the second")
        try equal(try await count(.distantFuture), 3, "all")
        let report = try await bench.broker.replay(.init(origin: queue.name, until: times[1]))
        try equal(report, ReplayReport(replayed: 2, stayed: 0), "report")
        for _ in 0..<2 {
          _ = try await bench.broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(.rejected), History(attempts: 1)))
        }
        try equal(try await bench.deadLetters(of: queue, count: 3).count, 3, "parked again")
        // Those that came back are the later ones now.
        try equal(try await bench.broker.deleteDeadLetters(.init(origin: queue.name, until: times[2])), 1, "deleted")
      }
    },
    Scenario("4: if parking is impossible, the settlement says so and the message stays in its queue") { bench in
      let queue = Queue.deadLetters(QueueName("\(bench.prefix).end"))
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        try await expect(.unroutable) {
          _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), History(attempts: 1)))
        }
      }
      let status = try await bench.status(queue.name)
      try equal(status.ready + (status.delayed ?? 0) + (status.running ?? 0), 1, "messages")
    },
    Scenario("4: a message that was not handled in time is parked as expired, waiting or delayed") { bench in
      let queue = bench.queue("q", timeToLive: .milliseconds(300))
      try await bench.broker.apply(Topology(queues: [queue]))
      let patient = bench.queue("patient")
      try await bench.broker.apply(Topology(queues: [patient]))
      var own = bench.message("own")
      own.expiresAt = bench.clock.now.addingTimeInterval(0.3)
      _ = try await bench.broker.publish([
        Publication(bench.message("queue's"), to: .queue(queue.name)), Publication(own, to: .queue(patient.name)),
      ])
      try await bench.advance(.milliseconds(1500))
      for queue in [queue, patient] {
        // RabbitMQ looks at the head of a queue only, and a consumer looks at the head.
        try await bench.consume(queue) { consumer in
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
              while let delivery = await consumer.next() {
                _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.expired), delivery.history))
              }
            }
            let letter = try await bench.deadLetters(of: queue, count: 1)[0]
            try equal(letter.reason.kind, .expired, "reason")
            consumer.stop()
          }
        }
      }
    },
    Scenario("4: a dead letter can be consumed like any message, and completing it removes it") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        _ = try await bench.broker.settle(
          try await consumer.mustNext(), as: .deadLetter(.init(.rejected, "r"), History(attempts: 1)))
      }
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      try await bench.consume(Queue.deadLetters(letter.queue)) { consumer in
        let delivery = try await consumer.mustNext()
        try equal(delivery.message.id, letter.message.id, "id")
        _ = try await bench.broker.settle(delivery, as: .complete)
      }
      try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 0, "dead letters")
    },
  ]
}
