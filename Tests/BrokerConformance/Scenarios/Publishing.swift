internal import Foundation
internal import Warren

extension Scenario {
  /// Law 1, and routing.
  static let publishing: [Scenario] = [
    Scenario("1: a topic exchange routes by pattern, one copy a queue however many bindings match") { bench in
      let exchange = bench.exchange("topic", .topic)
      let one = bench.queue("one"), many = bench.queue("many"), other = bench.queue("other")
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [one, many, other],
          bindings: [
            Binding(one.name, to: exchange.name, key: "booking.*"), Binding(many.name, to: exchange.name, key: "#"),
            Binding(many.name, to: exchange.name, key: "booking.#"),
            Binding(other.name, to: exchange.name, key: "*.created.late"),
          ]))
      func publish(_ key: RoutingKey) async throws -> PublishResult {
        try await bench.broker.publish([Publication(bench.message(key.rawValue), to: .exchange(exchange.name, key))])[0]
      }
      for key: RoutingKey in ["booking.created", "booking.created.late", "review", ""] {
        let result = try await publish(key)
        try check(result.isStored, "'\(key)' stored, not \(result)")
      }
      try await bench.consume(many) { consumer in
        for text in ["booking.created", "booking.created.late", "review", ""] {
          let delivery = try await consumer.mustNext()
          try equal(delivery.text, text)
          try equal(delivery.routingKey.rawValue, text)
          try equal(delivery.exchange, exchange.name)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
      _ = try await bench.status(one.name) { $0.ready == 1 }
      _ = try await bench.status(other.name) { $0.ready == 1 }
      _ = try await bench.status(many.name) { $0.ready == 0 && $0.running == 0 }
    },
    Scenario("1: a fanout exchange gives each queue its own copy, whatever the key") { bench in
      let exchange = bench.exchange("fanout", .fanout)
      let a = bench.queue("a"), b = bench.queue("b")
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [a, b],
          bindings: [Binding(a.name, to: exchange.name), Binding(b.name, to: exchange.name, key: "never")]))
      let message = bench.message("both")
      _ = try await bench.broker.publish([Publication(message, to: .exchange(exchange.name, "any.thing"))])
      for queue in [a, b] {
        try await bench.consume(queue) { consumer in
          let delivery = try await consumer.mustNext()
          try equal(delivery.message.id, message.id)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
    Scenario("1: a direct exchange routes by the exact key") { bench in
      let exchange = bench.exchange("direct", .direct)
      let a = bench.queue("a"), b = bench.queue("b")
      try await bench.broker.apply(
        Topology(
          exchanges: [exchange], queues: [a, b],
          bindings: [
            Binding(a.name, to: exchange.name, key: "red"), Binding(b.name, to: exchange.name, key: "red.*"),
          ]))
      let results = try await bench.broker.publish([
        Publication(bench.message("red"), to: .exchange(exchange.name, "red")),
        Publication(bench.message("dark"), to: .exchange(exchange.name, "red.dark")),
      ])
      try check(results[0].isStored, "stored")
      guard case .unroutable = results[1] else { throw ScenarioFailure("'*' is no pattern here: \(results[1])") }
      _ = try await bench.status(a.name) { $0.ready == 1 }
      _ = try await bench.status(b.name) { $0.ready == 0 }
    },
    Scenario("1: routed nowhere is never success; each message of a batch has its own result, in order") { bench in
      let exchange = bench.exchange("empty", .topic)
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(exchanges: [exchange], queues: [queue]))
      let results = try await bench.broker.publish([
        Publication(bench.message("first"), to: .queue(queue.name)),
        Publication(bench.message("no binding"), to: .exchange(exchange.name, "booking.created")),
        Publication(bench.message("no queue"), to: .queue("\(bench.prefix).missing")),
        Publication(bench.message("no exchange"), to: .exchange("\(bench.prefix).missing", "x")),
        Publication(bench.message("last"), to: .queue(queue.name)),
      ])
      try check(results[0].isStored && results[4].isStored, "the neighbours stored: \(results)")
      guard case .unroutable = results[1], case .unroutable = results[2] else {
        throw ScenarioFailure("unroutable, not \(results[1]), \(results[2])")
      }
      guard let error = results[3].error, error.code == .notFound else {
        throw ScenarioFailure("a missing exchange is not found, not \(results[3])")
      }
      try equal(error.message, BrokerError.missing(ExchangeName("\(bench.prefix).missing")).message)
      _ = try await bench.status(queue.name) { $0.ready == 2 }
    },
    Scenario("1: what no engine can carry is refused by name, and its neighbours are stored") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let exchange = bench.exchange("topic", .topic)
      var longID = bench.message("id")
      longID.id = MessageID(String(repeating: "i", count: 256))
      var huge = bench.message("")
      huge.body = Data(count: bench.broker.capabilities.largestBody + 1)
      let results = try await bench.broker.publish([
        Publication(bench.message("good"), to: .queue(queue.name)),
        Publication(bench.message("key"), to: .exchange(exchange.name, RoutingKey(String(repeating: "k", count: 300)))),
        Publication(longID, to: .queue(queue.name)),
        Publication(
          bench.message("headers", headers: ["h": String(repeating: "x", count: 40_000)]), to: .queue(queue.name)),
        Publication(huge, to: .queue(queue.name)),
        Publication(bench.message("good"), to: .queue(queue.name)),
      ])
      try check(results[0].isStored && results[5].isStored, "the good ones stored: \(results)")
      for index in 1...3 {
        guard let error = results[index].error, error.code == .invalid else {
          throw ScenarioFailure("\(index) invalid, not \(results[index])")
        }
      }
      guard let error = results[4].error, error.code == .tooLarge else {
        throw ScenarioFailure("too large, not \(results[4])")
      }
      _ = try await bench.status(queue.name) { $0.ready == 2 }
    },
    Scenario("1: every part of a message arrives as it was: empty, binary, large, unicode") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      var full = Message(
        id: "an-id of my own/ü", name: "test.fuel",
        body: Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }),
        headers: [
          "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ключ": "значение 🐇", "empty": "",
        ],
        contentType: "application/octet-stream", contentEncoding: "gzip",
        timestamp: Date(timeIntervalSince1970: 1_700_000_000),
        correlationID: "correlation", causationID: "causation", source: "suite", priority: 7,
        expiresAt: bench.clock.now.addingTimeInterval(3600))
      full.expiresAt = Date(timeIntervalSince1970: full.expiresAt?.timeIntervalSince1970.rounded() ?? 0)
      let bare = Message(id: nil, name: "test.bare", body: Data(), contentType: nil)
      for message in [full, bare] {
        _ = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])
        try await bench.consume(queue) { consumer in
          let delivery = try await consumer.mustNext()
          try equal(delivery.message, message, "message")
          try check(delivery.history.isEmpty, "no history")
          try equal(delivery.exchange, nil, "exchange")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
    Scenario("1: hundreds of publishers at once each get their own answer") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<300 {
          group.addTask {
            let missing = number % 3 == 0
            let result = try await bench.broker.publish([
              Publication(
                bench.message("\(number)"), to: .queue(missing ? "\(bench.prefix).missing" : queue.name))
            ])[0]
            if missing {
              guard case .unroutable = result else { throw ScenarioFailure("unroutable, not \(result)") }
            } else {
              try check(result.isStored, "stored, not \(result)")
            }
          }
        }
        try await group.waitForAll()
      }
      _ = try await bench.status(queue.name) { $0.ready == 200 }
    },
    Scenario("a unique job is kept out while the queue has it, as a dead letter too, and for its window after") {
      bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      @Sendable func enqueue(_ key: String = "reminder-1") async throws -> PublishResult {
        try await bench.broker.publish([
          Publication(
            bench.message("once"), to: .queue(queue.name), unique: .key(key, for: .seconds(600)))
        ])[0]
      }
      @Sendable func mustRepeat(_ when: String, _ key: String = "reminder-1") async throws {
        let result = try await enqueue(key)
        guard case .repeated = result else { throw ScenarioFailure("\(when): repeated, not \(result)") }
      }
      if !bench.broker.capabilities.uniqueness.contains(.keep) {
        guard let error = try await enqueue().error, error.code == .unsupported else {
          throw ScenarioFailure("an engine that cannot keep repeats out refuses the job")
        }
        try equal(try await bench.status(queue.name).ready, 0, "stored")
        return
      }
      try check(try await enqueue().isStored, "stored")
      try await mustRepeat("waiting")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        try await mustRepeat("running")
        _ = try await bench.broker.settle(
          delivery, as: .retry(at: bench.clock.now.addingTimeInterval(0.1), History(attempts: 1)))
        try await mustRepeat("delayed")
        try await bench.advance(.milliseconds(100))
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .complete)
      }
      try await mustRepeat("completed")
      try check(try await enqueue("reminder-2").isStored, "another key is stored")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), History()))
      }
      try await mustRepeat("a dead letter", "reminder-2")
      _ = try await bench.broker.replay(.init(origin: queue.name))
      try await mustRepeat("replayed", "reminder-2")
      try equal(try await bench.status(queue.name).ready, 1, "ready")
      try await bench.consume(queue) { consumer in
        let delivery = try await consumer.mustNext()
        _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.rejected), History()))
      }
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      try await bench.broker.replace(
        letter.message.id ?? "", in: nil, with: bench.message("corrected"))
      try await mustRepeat("corrected", "reminder-2")
      _ = try await bench.broker.purge(queue.name)
      try check(try await enqueue("reminder-2").isStored, "a job that a person deleted keeps nothing out")
    },
    Scenario("a unique event, an empty key and a way with repeats that the engine has not are refused by name") {
      bench in
      let queue = bench.queue("q")
      let exchange = bench.exchange("all", .fanout)
      try await bench.broker.apply(
        Topology(exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name)]))
      let results = try await bench.broker.publish([
        Publication(bench.message("event"), to: .exchange(exchange.name, "k"), unique: .key("k")),
        Publication(bench.message("empty"), to: .queue(queue.name), unique: .key("")),
        Publication(
          bench.message("other"), to: .queue(queue.name),
          unique: .key("k", onRepeat: .init(kind: .init(rawValue: "something-else"), longestDelay: nil))),
      ])
      for (result, code) in zip(results, [BrokerError.Code.invalid, .invalid, .unsupported]) {
        guard let error = result.error, error.code == code else {
          throw ScenarioFailure("\(code), not \(result)")
        }
      }
      try equal(try await bench.status(queue.name).ready, 0, "stored")
    },
    Scenario("an id alone keeps nothing out: two messages with one id are two messages") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      var message = bench.message("same")
      message.id = "chosen-7"
      for _ in 1...2 {
        let result = try await bench.broker.publish([Publication(message, to: .queue(queue.name))])[0]
        try check(result.isStored, "stored, not \(result)")
      }
      try await bench.consume(queue) { consumer in
        for _ in 1...2 {
          let delivery = try await consumer.mustNext()
          try equal(delivery.message.id, "chosen-7")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
    },
  ]
}
