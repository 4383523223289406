internal import Foundation
internal import Spawning
internal import Warren

extension Scenario {
  /// Law 5: what a killed worker held, and what happens to a message that kills.
  static let recovering: [Scenario] = [
    Scenario(
      "5: the deliveries of a worker killed with SIGKILL run again, counted as interrupted, not as attempted",
      needs: [.otherProcesses]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2", "3")
      let victim = try await OtherProcess.holding(queue.name, count: 3, bench)
      _ = try await bench.status(queue.name) { $0.running == 3 && $0.ready == 0 }
      try await bench.consume(queue) { consumer in
        victim.kill()
        let begin = ContinuousClock.now
        for _ in 0..<3 {
          let delivery = try await consumer.mustNext()
          try equal(delivery.history.interruptions, 1, "interruptions")
          try equal(delivery.history.attempts, 0, "attempts")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
        let took = begin.duration(to: .now)
        // On a busy machine too: without a look at whether the process is there, it is the lease that ends, after a minute.
        try check(took < .seconds(45), "again within 45 s, not \(took)")
      }
    },
    Scenario("5: a worker that ends in good order counts nowhere", needs: [.otherProcesses]) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "1", "2")
      let other = try await OtherProcess.holding(queue.name, count: 2, bench)
      try await bench.consume(queue) { consumer in
        other.terminate()
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          try check(delivery.history.isEmpty, "no history, not \(delivery.history)")
          _ = try await bench.broker.settle(delivery, as: .complete)
        }
      }
      try equal(try await other.ending(), .exited(0), "how it ended")
    },
    Scenario("4: an isolated message is handed out as a suspect, with the same id") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        let first = try await consumer.mustNext()
        try check(!first.isSuspect, "no suspect yet")
        _ = try await bench.broker.settle(first, as: .isolate)
        let second = try await consumer.mustNext()
        try check(second.isSuspect, "a suspect")
        try equal(second.message, first.message, "message")
        _ = try await bench.broker.settle(second, as: .retry(at: bench.clock.now, History(attempts: 1)))
        let third = try await consumer.mustNext()
        _ = try await bench.broker.settle(third, as: .complete)
      }
      _ = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 && ($0.delayed ?? 0) == 0 }
    },
    Scenario(
      "4: a message that stood beside one that kills begins anew when it is handed out alone",
      needs: [.otherProcesses]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "healthy", "killer")
      for _ in 0..<5 {
        let victim = try await OtherProcess.holding(queue.name, count: 2, bench)
        victim.kill()
        try await victim.end()
      }
      try await bench.consume(queue) { consumer in
        for _ in 0..<2 {
          let delivery = try await consumer.mustNext()
          try check(delivery.history.interruptions >= 5, "5 deaths, not \(delivery.history)")
          _ = try await bench.broker.settle(delivery, as: .isolate)
        }
        for _ in 0..<2 {
          let suspect = try await consumer.mustNext()
          try check(suspect.isSuspect, "a suspect")
          try equal(suspect.history.interruptions, History.interruptionsUntilSuspect, "interruptions")
          _ = try await bench.broker.settle(suspect, as: .complete)
        }
      }
    },
    Scenario(
      "4: a death counts against a suspect only once it was begun", needs: [.otherProcesses, .notedBeginnings]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      try await bench.consume(queue) { consumer in
        _ = try await bench.broker.settle(try await consumer.mustNext(), as: .isolate)
      }
      for (begins, deaths) in [(false, 0), (true, 1)] {
        let victim = try await OtherProcess.holding(queue.name, count: 1, begins: begins, bench)
        victim.kill()
        try await bench.consume(queue) { consumer in
          let suspect = try await consumer.mustNext()
          try equal(suspect.history.interruptions, deaths, "interruptions")
          _ = try await bench.broker.settle(suspect, as: .release)
        }
      }
    },
    Scenario(
      "4: a message that kills its worker again and again is parked, and its neighbours are handled",
      needs: [.otherProcesses]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "poison", "b")
      // Each of these workers handles everything, and dies of the poison.
      for round in 1...12 {
        let worker = try await OtherProcess.working(on: queue.name, dyingOf: "poison", bench)
        // It ends by the poison, or, once that is parked, when it has done all the rest.
        let isDone: @Sendable () async throws -> Bool = {
          guard try await !bench.broker.deadLetters(.init(origin: queue.name)).letters.isEmpty else { return false }
          let status = try await bench.status(queue.name)
          return status.ready == 0 && status.running == 0 && (status.delayed ?? 0) == 0
        }
        try await worker.end(orWhen: isDone)
        if try await isDone() { break }
        try check(round < 12, "parked by now")
      }
      let letters = try await bench.broker.deadLetters(.init(origin: queue.name)).letters
      try equal(letters.map { String(decoding: $0.message.body, as: UTF8.self) }, ["poison"], "dead letters")
      try equal(letters.map(\.reason.kind), [.crashLooping], "reason")
      try equal(letters.map(\.history.attempts), [0], "attempts")
    },
  ]
}
