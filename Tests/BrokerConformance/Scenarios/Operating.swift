internal import Foundation
internal import Warren

extension Scenario {
  /// What an operator asks for.
  static let operating: [Scenario] = [
    Scenario("a paused queue hands out nothing, still takes in, and goes on when it is resumed") { bench in
      let queue = bench.queue("q"), other = bench.queue("other")
      try await bench.fill(queue, "before")
      try await bench.fill(other, "sentinel")
      try await bench.broker.pause(queue.name)
      try check(try await bench.status(queue.name).isPaused, "paused")
      try await bench.fill(queue, "during")
      try await bench.consume(queue) { consumer in
        // The other queue's message comes, so this queue's would have come too.
        try await bench.consume(other) { consumer in
          _ = try await bench.broker.settle(try await consumer.mustNext(), as: .complete)
        }
        try equal(try await bench.status(queue.name).running, 0, "running")
        try await bench.broker.resume(queue.name)
        for text in ["before", "during"] {
          let delivery = try await consumer.mustNext()
          try equal(delivery.text, text)
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
      try check(try await !bench.status(queue.name).isPaused, "not paused")
    },
    Scenario("purging deletes what waits, not what a worker holds") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "held", "b", "c")
      try await bench.consume(queue, prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        try equal(try await bench.broker.purge(queue.name), 2, "purged")
        try equal(try await bench.broker.settle(held, as: .complete), .settled)
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
    },
    Scenario("operating on a queue that does not exist is an error") { bench in
      let missing = bench.queue("missing").name
      do {
        try await bench.broker.pause(missing)
        throw ScenarioFailure("a missing queue was paused")
      } catch let error as BrokerError {
        // In the same words on every engine.
        try equal(error.message, BrokerError.missing(missing).message)
      }
      try await expect(.notFound) { try await bench.broker.resume(missing) }
      try await expect(.notFound) { _ = try await bench.broker.purge(missing) }
    },
    Scenario("nothing that diagnosis finds on a healthy engine is a problem") { bench in
      let problems = try await bench.broker.diagnose().filter { $0.severity == .problem }
      try equal(problems, [], "problems")
    },
  ]

  /// Declaring.
  static let topologies: [Scenario] = [
    Scenario("a topology can be applied again and again, by many at once") { bench in
      let exchange = bench.exchange("e", .topic)
      let queue = bench.queue("q")
      let topology = try Topology(
        exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name, key: "a.*")])
      try check(try await !bench.broker.differences(from: topology).isEmpty, "missing")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<5 { group.addTask { try await bench.broker.apply(topology) } }
        try await group.waitForAll()
      }
      try equal(try await bench.broker.differences(from: topology), [], "differences")
      _ = try await bench.broker.publish([Publication(bench.message("x"), to: .exchange(exchange.name, "a.b"))])
      _ = try await bench.status(queue.name) { $0.ready == 1 }
    },
    Scenario("what is declared and differs is an error that shows the difference, and nothing changes") { bench in
      let queue = bench.queue("q")
      let exchange = bench.exchange("e", .topic)
      try await bench.broker.apply(Topology(exchanges: [exchange], queues: [queue]))
      var other = queue
      other.timeToLive = .seconds(60)
      try await expect(.topologyConflict) { try await bench.broker.apply(Topology(queues: [other])) }
      let fanout = Exchange.fanout(exchange.name)
      try await expect(.topologyConflict) { try await bench.broker.apply(Topology(exchanges: [fanout])) }
      do {
        try await bench.broker.apply(Topology(queues: [other]))
      } catch {
        try check("\(error)".contains(queue.name.rawValue), "the queue's name in: \(error)")
      }
      try await bench.broker.apply(Topology(exchanges: [exchange], queues: [queue]))
    },
    Scenario("a binding that is missing is a difference with a fix, and applying makes it") { bench in
      let exchange = bench.exchange("e", .topic)
      let queue = bench.queue("q")
      let some = try Topology(
        exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name, key: "a.*")])
      let all = try some.merging(
        Topology(
          exchanges: [exchange], queues: [queue], bindings: [Binding(queue.name, to: exchange.name, key: "b.#")]))
      try await bench.broker.apply(some)
      let found = try await bench.broker.differences(from: all)
      try equal(found.count, 1, "differences")
      try check(found[0].isMissing && found[0].fix?.text.contains("apply") == true, "missing, with a fix: \(found)")
      for text in ["binding", queue.name.rawValue, exchange.name.rawValue, "b.#"] {
        try check(found[0].subject.contains(text), "\(text) in: \(found)")
      }
      try await bench.broker.apply(all)
      try equal(try await bench.broker.differences(from: all), [], "differences")
      // A part of what is there is all there.
      try equal(try await bench.broker.differences(from: some), [], "differences")
    },
    Scenario("what is declared can be read, and is the topology that was applied") { bench in
      let exchange = bench.exchange("e", .fanout)
      var queue = bench.queue("q", timeToLive: .seconds(90))
      queue.deadLetter = .exchange(
        ExchangeName("\(bench.prefix).dlx"), key: "dead", queue: QueueName("\(bench.prefix).parked"))
      let other = bench.queue("other")
      let topology = try Topology(
        exchanges: [exchange], queues: [queue, other],
        bindings: [Binding(queue.name, to: exchange.name), Binding(other.name, to: exchange.name, key: "k")])
      try await bench.broker.apply(topology)
      let declared = try await bench.broker.topology()
      func own(_ name: String) -> Bool { name.hasPrefix("\(bench.prefix).") }
      try equal(
        Set(declared.exchanges.filter { own($0.name.rawValue) }), Set(topology.exchanges), "exchanges")
      try equal(Set(declared.queues.filter { own($0.name.rawValue) }), Set(topology.queues), "queues")
      try equal(Set(declared.bindings.filter { own($0.queue.rawValue) }), Set(topology.bindings), "bindings")
      let difference = try await bench.broker.differences(
        from: Topology(queues: [Queue(queue.name, deadLetter: queue.deadLetter, timeToLive: .seconds(60))]))
      try equal(difference.count, 1, "differences")
      try check(difference[0].subject.contains("time to live") && difference[0].fix != nil, "a fix: \(difference)")
    },
    Scenario("what is adopted must be there, and is taken as it is") { bench in
      let queue = bench.queue("q")
      try await expect(.notFound) { try await bench.broker.apply(Topology(queues: [queue.adopted()])) }
      try await expect(.notFound) {
        try await bench.broker.apply(Topology(exchanges: [bench.exchange("e", .topic).adopted()]))
      }
      var declared = queue
      declared.timeToLive = .seconds(3600)
      try await bench.broker.apply(Topology(queues: [declared]))
      try await bench.broker.apply(Topology(queues: [queue.adopted()]))
    },
  ]
}
