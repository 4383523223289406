internal import Foundation
internal import Warren

extension Scenario {
  /// Deleting what is no longer wanted.
  static let removing: [Scenario] = [
    Scenario("a queue goes with its bindings, and what was published for it is routed elsewhere or nowhere") { bench in
      let exchange = bench.exchange("e", .topic)
      let queue = bench.queue("q"), other = bench.queue("other")
      let topology = try Topology(
        exchanges: [exchange], queues: [queue, other],
        bindings: [
          Binding(queue.name, to: exchange.name, key: "a.*"), Binding(other.name, to: exchange.name, key: "a.b"),
        ])
      try await bench.broker.apply(topology)
      try equal(try await bench.removing.deleteQueue(queue.name, withMessages: false), 0, "messages")
      try check(try await bench.broker.queue(queue.name) == nil, "no such queue")
      let results = try await bench.broker.publish([
        Publication(bench.message("x"), to: .exchange(exchange.name, "a.b")),
        Publication(bench.message("y"), to: .exchange(exchange.name, "a.c")),
        Publication(bench.message("z"), to: .queue(queue.name)),
      ])
      try equal(results.map(\.isStored), [true, false, false], "stored")
      try await expect(.notFound) { _ = try await bench.removing.deleteQueue(queue.name, withMessages: false) }
      // Applied again, it is there again, and empty.
      try await bench.broker.apply(topology)
      try equal(try await bench.status(queue.name).ready, 0, "ready")
    },
    Scenario("a queue that holds messages stays, unless they are to go with it") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "b")
      try await expect(.inUse) { _ = try await bench.removing.deleteQueue(queue.name, withMessages: false) }
      try equal(try await bench.status(queue.name).ready, 2, "ready")
      try equal(try await bench.removing.deleteQueue(queue.name, withMessages: true), 2, "messages")
      try check(try await bench.broker.queue(queue.name) == nil, "no such queue")
    },
    Scenario("a queue with consumers is never deleted, nor one that holds the dead letters of another") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      try await bench.consume(queue) { _ in
        _ = try await bench.status(queue.name) { $0.consumers == 1 }
        try await expect(.inUse) { _ = try await bench.removing.deleteQueue(queue.name, withMessages: true) }
      }
      _ = try await bench.status(queue.name) { $0.consumers == 0 }
      let holder = QueueName("\(queue.name).dlq")
      try await expect(.inUse) { _ = try await bench.removing.deleteQueue(holder, withMessages: true) }
      _ = try await bench.removing.deleteQueue(queue.name, withMessages: false)
      _ = try await bench.removing.deleteQueue(holder, withMessages: false)
      try check(try await bench.broker.queue(holder) == nil, "no such queue")
    },
    Scenario("a binding that is removed brings nothing more, and the others still do") { bench in
      let exchange = bench.exchange("e", .topic)
      let queue = bench.queue("q")
      let kept = Binding(queue.name, to: exchange.name, key: "a.*")
      let removed = Binding(queue.name, to: exchange.name, key: "b.*")
      try await bench.broker.apply(Topology(exchanges: [exchange], queues: [queue], bindings: [kept, removed]))
      try await bench.removing.removeBinding(removed)
      let results = try await bench.broker.publish(
        ["a.x", "b.x"].map { Publication(bench.message("x"), to: .exchange(exchange.name, $0)) })
      try equal(results.map(\.isStored), [true, false], "stored")
      try await expect(.notFound) { try await bench.removing.removeBinding(removed) }
    },
    Scenario("dead letters of one cause are replayed and deleted, and no others") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2", "3", "4")
      try await bench.consume(queue) { consumer in
        for _ in 1...4 {
          let delivery = try await consumer.mustNext()
          let error = delivery.text == "4" ? "timeout" : "no mailbox \(delivery.text)"
          var history = History(attempts: 1)
          history.note(Failure(time: bench.clock.now, attempt: 1, error: "E", message: error, worker: "w"))
          _ = try await bench.broker.settle(delivery, as: .deadLetter(.init(.exhausted, "E: \(error)"), history))
        }
      }
      let letters = try await bench.deadLetters(of: queue, count: 4)
      try equal(Set(letters.map(\.fingerprint)).count, 2, "causes")
      guard let cause = letters.first(where: { String(decoding: $0.message.body, as: UTF8.self) == "1" })?.fingerprint
      else { throw ScenarioFailure("the first letter is missing") }
      var selection = DeadLetterSelection(origin: queue.name, fingerprint: cause, limit: 2)
      try equal(try await bench.broker.deadLetters(selection).letters.count, 2, "letters")
      try equal(try await bench.broker.replay(selection).replayed, 2, "replayed")
      selection.limit = .max
      try equal(try await bench.broker.deleteDeadLetters(selection), 1, "deleted")
      let left = try await bench.broker.deadLetters(.init(origin: queue.name)).letters
      try equal(left.map { String(decoding: $0.message.body, as: UTF8.self) }, ["4"], "left")
    },
  ]
}

extension Bench {
  fileprivate var removing: any RemovingBroker {
    get throws {
      guard let broker = broker as? any RemovingBroker else { throw ScenarioFailure("the engine can remove nothing") }
      return broker
    }
  }
}
