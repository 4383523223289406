internal import Foundation
public import Logging
internal import ServiceLifecycle
internal import Warren

/// Stops a service group while two handlers run, with the broker before its worker or behind it. Nothing that was begun may be
/// lost or count as a failed attempt, and nothing may be warned of.
///
/// - Parameter open: opens the engine, each time as a new process would.
public func stopInGoodOrder(
  brokerFirst: Bool, open: @escaping @Sendable (Logger) throws -> any CompleteBroker
) async throws {
  let log = CapturedLog()
  let broker = try open(log.logger)
  let queue = Queue(QueueName("t\(UInt32.random(in: 0...UInt32.max)).chores"))
  let begun = Log<Int>(), gate = Watched(false)
  let worker = try Chore.$place.withValue(queue) {
    try Worker(broker, name: "w", logger: log.logger) {
      On(Chore.self) { chore, _ in
        begun.add(chore.number)
        await gate.wait { $0 }
      }
      .concurrency(2).prefetch(4)
    }
  }
  let bus = EventBus(broker, source: "test", topology: worker.topology)
  let services: [any Service] = brokerFirst ? [broker, worker] : [worker, broker]
  let group = ServiceGroup(
    services: services, logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() })
  let bench = Bench(broker: broker, clock: broker.clock, url: nil) { try await Task.sleep(for: $0) }

  try await within(.seconds(60)) {
    async let run: Void = group.run()
    _ = try await Chore.$place.withValue(queue) {
      try await bus.enqueue((1...6).map { JobRequest(Chore(number: $0)) })
    }
    let first = Set(try await begun.next(2))
    _ = try await bench.status(queue.name) { $0.ready == 2 && $0.running == 4 }
    await group.triggerGracefulShutdown()
    // The stop has begun when what was not begun is back; the two handlers run on.
    _ = try await bench.status(queue.name) { $0.ready == 4 }
    // As handlers do that publish.
    _ = try await Chore.$place.withValue(queue) { try await bus.enqueue(Chore(number: 7)) }
    gate.withValue { $0 = true }
    try await run

    try equal(log.warnings, [], "what was warned of")
    let stop = log.lines.filter { $0.message == "Worker stopping" && $0.level == .info }
    try equal(stop.map { $0.metadata["running"] }, ["2"], "handlers that the stop waits for, said once")
    let end = log.lines.last { $0.message == "Worker stopped" }
    try equal(end?.metadata["handled"], "2", "what it handled")
    try equal(end?.metadata["given.back"], "2", "what it gave back")
    try check(log.lines.contains { $0.message == "Worker started" && $0.level == .info }, "a line of the start")
    try equal(log.lines.filter { $0.message == "Handled" && $0.level == .debug }.count, 2, "lines of what was handled")

    let left = Set(1...7).subtracting(first)
    try await runAgain(try open(log.logger)) { broker in
      try await broker.consume(queue.name, prefetch: 10) { consumer in
        var found: Set<Int> = []
        while found.count < left.count {
          let delivery = try await consumer.mustNext()
          try check(delivery.history.isEmpty, "no history, not \(delivery.history)")
          found.insert(try EnvelopeCodec().decode(Chore.self, from: delivery.message).number)
          _ = try await broker.settle(delivery, as: .complete)
        }
        try equal(found, left, "what is left")
      }
    }
  }
}

private struct Chore: JobMessage {
  @TaskLocal static var place: Queue = "none"
  static let name: MessageName = "test.chore"
  static var queue: Queue { place }
  var number: Int
}

/// Runs a broker of any kind while `body` runs.
private func runAgain(
  _ broker: some CompleteBroker, _ body: @escaping @Sendable (any CompleteBroker) async throws -> Void
) async throws {
  try await broker.withBroker { try await body($0) }
}
