internal import ArgumentParser
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenSQLite

/// Fills a queue for ``Drain``.
struct Fill: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 1_000_000

  func run() async throws {
    let messages = messages
    try await place.open().withBroker { broker in
      try await broker.apply(Topology(queues: [Task128.queue]))
      let bus = EventBus(broker, source: "bench")
      for first in stride(from: 0, to: messages, by: 1000) {
        let jobs = (first..<min(first + 1000, messages)).map { JobRequest(Task128(number: $0, sent: 0)) }
        for result in try await bus.enqueue(jobs) where !result.isStored { throw ExitCode.failure }
      }
      report(["case": "fill", "n": messages])
    }
  }
}

/// The memory of a worker that finds very many jobs, after a tenth of them and at the end.
struct Drain: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 1_000_000
  @Option var concurrency = 100

  func run() async throws {
    let (messages, concurrency) = (messages, concurrency)
    try await place.open().withBroker { broker in
      let done = Handled(messages)
      let early = Mutex(0.0)
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        On(Task128.self) { job, _ in
          done.note(job.number)
          if job.number == messages / 10 { early.withLock { $0 = Memory.now.resident } }
        }.concurrency(concurrency)
      }
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        let begin = Usage.now
        group.addTask { try await worker.run() }
        await done.all()
        let memory = Memory.now
        let left = try await broker.queues().first { $0.name == Task128.queue.name }
        begin.report(
          messages,
          [
            "case": "drain", "mb_at_10": early.withLock { $0 }, "mb_at_100": memory.resident, "mb_most": memory.most,
            "handled": done.distinct, "twice": done.repeats, "left": left?.ready ?? -1,
          ])
        group.cancelAll()
      }
    }
  }
}
