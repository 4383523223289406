internal import ArgumentParser
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenRabbitMQ

/// Publishers that each wait for their own confirm, and a worker that settles each, in one process.
struct Cycle: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 100_000
  @Option var publishers = 100
  @Option var concurrency = 100

  func run() async throws {
    let (messages, publishers, concurrency) = (messages, publishers, concurrency)
    try await place.open().withBroker { broker in
      let handled = Handled(messages)
      let worker = try worker(broker, concurrency: concurrency) { handled.note($0.number) }
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, source: "bench")
      try await during(worker) {
        let begin = Usage.now
        try await Share.split(messages, among: publishers) { try await bus.enqueue(Task128(number: $0)) }
        await handled.all()
        begin.report(messages, ["handled": handled.distinct, "repeats": handled.repeats])
      }
    }
  }
}

/// Only the publishers.
struct Enqueue: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 100_000
  @Option var publishers = 100

  func run() async throws {
    let (messages, publishers) = (messages, publishers)
    try await place.open().withBroker { broker in
      try await broker.apply(worker(broker, concurrency: 1) { _ in }.topology)
      let bus = EventBus(broker, source: "bench")
      let begin = Usage.now
      try await Share.split(messages, among: publishers) { try await bus.enqueue(Task128(number: $0)) }
      begin.report(messages)
    }
  }
}

/// Only the worker: measured from its first job to the last of so many.
struct Work: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 100_000
  @Option var concurrency = 100

  func run() async throws {
    let (messages, concurrency) = (messages, concurrency)
    try await place.open().withBroker { broker in
      let handled = Handled(messages)
      let first = Mutex<Usage?>(nil)
      let worker = try worker(broker, concurrency: concurrency) { job in
        first.withLock { if $0 == nil { $0 = .now } }
        handled.note(job.number)
      }
      try await during(worker) {
        await handled.all()
        first.withLock { $0 }?.report(messages, ["handled": handled.distinct, "repeats": handled.repeats])
      }
    }
  }
}
