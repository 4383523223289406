internal import Foundation
internal import Warren

extension Scenario {
  /// What users of other projects reported of them. Each is named by the project and by what must be true here.
  static let reported: [Scenario] = [
    Scenario("MassTransit, a fault too long to be sent: with an error of 10 MB it is parked, cut") { bench in
      let queue = bench.queue("q")
      try await bench.fill(queue, "x")
      let text = String(repeating: "é", count: 5_000_000)
      let failure = Failure(
        time: Date(timeIntervalSince1970: 1_700_000_000), attempt: 1, error: "MailError", message: text, worker: "w")
      try await bench.consume(queue) { consumer in
        var history = History(attempts: 1)
        history.note(failure)
        let result = try await bench.broker.settle(
          try await consumer.mustNext(), as: .deadLetter(.init(.exhausted, text), history))
        try equal(result, .settled, "result")
      }
      let letter = try await bench.deadLetters(of: queue, count: 1)[0]
      try equal(String(decoding: letter.message.body, as: UTF8.self), "x", "body")
      try check(letter.reason.detail.hasPrefix("éé"), "the beginning of the reason")
      try check(letter.reason.detail.utf8.count < 1_000_000, "\(letter.reason.detail.utf8.count) bytes of the reason")
    },
    Scenario("Asynq, dead tasks beyond a cap could not be retried: 1,200 of them are replayed") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      let count = 1_200
      _ = try await bench.broker.publish(
        (0..<count).map { Publication(bench.message("\($0)"), to: .queue(queue.name)) })
      try await bench.consume(queue, prefetch: 200) { consumer in
        for _ in 0..<count {
          _ = try await bench.broker.settle(
            try await consumer.mustNext(), as: .deadLetter(.init(.exhausted), History(attempts: 1)))
        }
      }
      var replayed = 0
      while replayed < count {
        let report = try await bench.broker.replay(.init(origin: queue.name, limit: 500))
        try check(report.replayed > 0, "\(replayed) replayed, and no more")
        replayed += report.replayed
      }
      try equal(replayed, count, "replayed")
      _ = try await bench.status(queue.name) { $0.ready == count }
    },
    Scenario("pgbus, alarms that never rest: a job that is delayed by an hour does not wait for a worker") { bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      _ = try await bench.broker.publish([
        Publication(bench.message("later"), to: .queue(queue.name), notBefore: bench.clock.now + 3600)
      ])
      let status = try await bench.status(queue.name) { $0.ready == 0 }
      try equal(status.oldest, nil, "the one that waits longest")
    },
  ]
}
