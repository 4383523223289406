internal import Foundation
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
        try check(took < .seconds(15), "again within 15 s, not \(took)")
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
      try equal(try await other.exitStatus(), 0, "exit status")
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
      "4: a message that kills its worker again and again is parked, and its neighbours are handled",
      needs: [.otherProcesses]
    ) { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "a", "poison", "b")
      // Each of these workers handles everything, and dies of the poison.
      for round in 1...12 {
        let worker = try await OtherProcess.working(on: queue.name, dyingOf: "poison", bench)
        let letters = try await bench.broker.deadLetters(.init(origin: queue.name)).letters
        if let letter = letters.first {
          worker.kill()
          try equal(letter.reason.kind, .crashLooping, "reason")
          try equal(String(decoding: letter.message.body, as: UTF8.self), "poison")
          try equal(letter.history.attempts, 0, "attempts")
          break
        }
        try check(round < 12, "parked by now")
        try await worker.end(orWhen: { try await !bench.broker.deadLetters(.init(origin: queue.name)).letters.isEmpty })
      }
      let end = try await bench.status(queue.name) { $0.ready == 0 && $0.running == 0 }
      try equal(end.delayed ?? 0, 0, "delayed")
      try equal(try await bench.broker.deadLetters(.init(origin: queue.name)).letters.count, 1, "dead letters")
    },
  ]
}
