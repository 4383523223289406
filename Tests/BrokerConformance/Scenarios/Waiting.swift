internal import Foundation
internal import Warren

extension Bench {
  fileprivate func enqueue(
    _ text: String, to queue: Queue, _ onRepeat: Uniqueness.Repeat, after delay: Duration = .zero,
    window: Duration = .zero
  ) async throws {
    let result = try await broker.publish([
      Publication(
        message(text), to: .queue(queue.name), notBefore: delay > .zero ? clock.now.adding(delay) : nil,
        unique: .key("k", for: window, onRepeat: onRepeat))
    ])[0]
    try check(result.isStored, "stored, not \(result)")
  }

  /// Declares the queue, and whether the engine can do this with repeats; one that cannot has to refuse it.
  fileprivate func can(_ onRepeat: Uniqueness.Repeat, in queue: Queue) async throws -> Bool {
    try await broker.apply(Topology(queues: [queue]))
    if broker.capabilities.uniqueness.contains(onRepeat.kind) { return true }
    let publication = Publication(message("x"), to: .queue(queue.name), unique: .key("k", onRepeat: onRepeat))
    guard let error = try await broker.publish([publication])[0].error, error.code == .unsupported else {
      throw ScenarioFailure("an engine that cannot do it refuses the job")
    }
    return false
  }

  /// Hands out one message, and completes it.
  fileprivate func complete(_ text: String, of queue: Queue) async throws {
    try await consume(queue) { consumer in
      let delivery = try await consumer.mustNext()
      try equal(delivery.text, text)
      _ = try await broker.settle(delivery, as: .complete)
    }
  }
}

extension Scenario {
  /// What becomes of single messages that wait.
  static let waiting: [Scenario] = [
    Scenario("a repeat takes the place of the job that waits, also in one batch, and none of one that runs") { bench in
      let queue = bench.queue("q")
      guard try await bench.can(.replace, in: queue) else { return }
      for number in 1...3 { try await bench.enqueue("\(number)", to: queue, .replace) }
      try equal(try await bench.status(queue.name).ready, 1, "ready")
      let batch = (4...20).map { number in
        Publication(
          bench.message("\(number)"), to: .queue(queue.name), unique: .key("k", for: .zero, onRepeat: .replace))
      }
      for result in try await bench.broker.publish(batch) { try check(result.isStored, "stored, not \(result)") }
      try await bench.consume(queue, prefetch: 1) { consumer in
        let running = try await consumer.mustNext()
        try equal(running.text, "20")
        for number in 21...23 { try await bench.enqueue("\(number)", to: queue, .replace) }
        try equal(try await bench.status(queue.name).ready, 1, "ready beside the one that runs")
        _ = try await bench.broker.settle(running, as: .complete)
      }
      try await bench.complete("23", of: queue)
      let status = try await bench.status(queue.name)
      try equal(status.ready + (status.delayed ?? 0) + (status.running ?? 0), 0, "left")
    },
    Scenario("a repeat that waits beside one that runs is replaced, and not lost, when that one was completed") {
      bench in
      let queue = bench.queue("q")
      guard try await bench.can(.replace, in: queue) else { return }
      try await bench.enqueue("1", to: queue, .replace, window: .seconds(600))
      try await bench.consume(queue, prefetch: 1) { consumer in
        let running = try await consumer.mustNext()
        try await bench.enqueue("2", to: queue, .replace, window: .seconds(600))
        try equal(try await bench.status(queue.name).ready, 1, "ready beside the one that runs")
        try await bench.broker.pause(queue.name)
        _ = try await bench.broker.settle(running, as: .complete)
        try await bench.enqueue("3", to: queue, .replace, window: .seconds(600))
      }
      try await bench.broker.resume(queue.name)
      try await bench.complete("3", of: queue)
      let late = try await bench.broker.publish([
        Publication(
          bench.message("4"), to: .queue(queue.name), unique: .key("k", for: .seconds(600), onRepeat: .replace))
      ])[0]
      guard case .repeated = late else { throw ScenarioFailure("within its window: repeated, not \(late)") }
    },
    Scenario("repeats put a job off, up to the longest delay, and the last content counts") { bench in
      let queue = bench.queue("q")
      let short = Uniqueness.Repeat.debounce(longest: .seconds(2))
      let long = Uniqueness.Repeat.debounce(longest: .seconds(3600))
      guard try await bench.can(short, in: queue) else { return }
      try await bench.enqueue("first", to: queue, long, after: .seconds(1))
      try await bench.enqueue("later", to: queue, long, after: .seconds(1800))
      try await bench.advance(.seconds(1.5))
      // The first would have been due by now, and was put off.
      var status = try await bench.status(queue.name)
      try equal([status.ready, status.delayed ?? 0], [0, 1], "ready and delayed")
      _ = try await bench.broker.purge(queue.name)
      // Half an hour each time, and two seconds at most.
      for number in 1...3 { try await bench.enqueue("\(number)", to: queue, short, after: .seconds(1800)) }
      try await bench.advance(.seconds(2))
      try await bench.complete("3", of: queue)
      // The next begins anew.
      try await bench.enqueue("4", to: queue, long, after: .seconds(1800))
      status = try await bench.status(queue.name)
      try equal([status.ready, status.delayed ?? 0], [0, 1], "ready and delayed again")
    },
    Scenario("a message that waits is removed, changed or run now by its id; one that a worker has is left alone") {
      bench in
      let queue = bench.queue("q")
      try await bench.broker.apply(Topology(queues: [queue]))
      guard bench.broker.capabilities.showsWaitingMessages else {
        try await expect(.unsupported) { _ = try await bench.broker.removeWaiting("a", from: queue.name) }
        try await expect(.unsupported) {
          _ = try await bench.broker.reschedule("a", in: queue.name, to: bench.clock.now)
        }
        try await expect(.unsupported) {
          _ = try await bench.broker.replaceWaiting("a", in: queue.name, with: bench.message("x"))
        }
        return
      }
      @Sendable func put(_ id: MessageID, after delay: Duration = .zero, key: String? = nil) async throws {
        var message = bench.message("\(id)")
        message.id = id
        let result = try await bench.broker.publish([
          Publication(
            message, to: .queue(queue.name), notBefore: delay > .zero ? bench.clock.now.adding(delay) : nil,
            unique: key.map { .key($0) })
        ])[0]
        try check(result.isStored, "stored, not \(result)")
      }
      try await put("held")
      try await bench.consume(queue, prefetch: 1) { consumer in
        let held = try await consumer.mustNext()
        try await put("ready", key: "k")
        try await put("delayed", after: .seconds(3600))
        let generated = MessageID.unique()
        try await put(generated)
        for id in ["held", "unknown"] as [MessageID] {
          try equal(try await bench.broker.removeWaiting(id, from: queue.name), 0, "removed")
          try equal(try await bench.broker.reschedule(id, in: queue.name, to: bench.clock.now), 0, "rescheduled")
          try equal(
            try await bench.broker.replaceWaiting(id, in: queue.name, with: bench.message("other")), 0, "changed")
        }
        try equal(try await bench.broker.removeWaiting("ready", from: queue.name), 1, "removed")
        try equal(try await bench.broker.removeWaiting("ready", from: queue.name), 0, "removed again")
        try equal(try await bench.broker.removeWaiting(generated, from: queue.name), 1, "removed by a generated id")
        // Its key is free.
        try await put("again", key: "k")
        try equal(
          try await bench.broker.reschedule("again", in: queue.name, to: bench.clock.now.adding(.seconds(7200))), 1,
          "put off")
        try equal(
          try await bench.broker.replaceWaiting("delayed", in: queue.name, with: bench.message("changed")), 1, "changed"
        )
        try equal(try await bench.broker.reschedule("delayed", in: queue.name, to: bench.clock.now), 1, "run now")
        let status = try await bench.status(queue.name)
        try equal([status.ready, status.delayed ?? 0, status.running ?? 0], [1, 1, 1], "ready, delayed and running")
        _ = try await bench.broker.settle(held, as: .complete)
        let next = try await consumer.mustNext()
        try equal(next.text, "changed")
        try equal(next.message.id, "delayed")
        _ = try await bench.broker.settle(next, as: .complete)
      }
      try await expect(.notFound) {
        _ = try await bench.broker.removeWaiting("a", from: bench.queue("missing").name)
      }
    },
  ]
}
