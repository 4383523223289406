internal import ArgumentParser
internal import Foundation
internal import Logging
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenSQLite

/// Measures the embedded engine through the whole of Warren: typed, encoded, stored, handed out, decoded, handled, settled.
/// Each command prints one line of JSON.
@main
struct SQLiteBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sqlite-bench",
    subcommands: [Cycle.self, Latency.self, Idle.self, Debounce.self, Fill.self, Drain.self])
}

/// The job of all cases: a body of about 128 bytes.
struct Task128: JobMessage {
  static let name: MessageName = "bench.task"
  static let queue: Queue = "bench"
  var number: Int
  var sent: UInt64
  var fill = "xxxxxxxxxxxxxxxxxxxxxxxx"
}

let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

struct Place: ParsableArguments {
  @Option(help: "The folder of the broker's file.") var dir: String
  @Option(help: "FULL or NORMAL.") var synchronous = "FULL"

  func open() throws -> SQLiteBroker {
    var configuration = SQLiteConfiguration()
    configuration.synchronous = synchronous == "NORMAL" ? .normal : .full
    return try SQLiteBroker(path: "\(dir)/bench.db", configuration: configuration)
  }
}

/// Publishers that each wait for their own message to be durable, and a worker that settles each.
struct Cycle: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 100_000
  @Option var publishers = 100
  @Option var concurrency = 100
  @Option(help: "Jobs a call.") var batch = 1
  @Option(help: "Jobs that wait in the same queue when it begins.") var waiting = 0
  @Option(help: "Further queues, each with a consumer.") var queues = 0
  @Option(help: "What is turned on beside it.") var extra = Extra.nothing

  func run() async throws {
    extra.install()
    let done = Handled(messages)
    let extra = extra
    let (publishers, messages, batch, waiting, queues) = (publishers, messages, batch, waiting, queues)
    try await place.open().withBroker { broker in
      try await prepare(broker, waiting: waiting, queues: queues)
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        extra.added(to: On(Task128.self) { job, _ in done.note(job.number) }.concurrency(concurrency))
      }
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, source: "bench", compression: extra.compression)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        for number in 0..<queues {
          group.addTask { try await broker.consume(QueueName("other.\(number)"), prefetch: 1) { _ = await $0.next() } }
        }
        if queues > 0 { try await Task.sleep(for: .seconds(3)) }
        let begin = Usage.now
        try await withThrowingTaskGroup(of: Void.self) { group in
          for publisher in 0..<publishers {
            group.addTask {
              for number in stride(from: publisher * batch, to: messages, by: publishers * batch) {
                if batch == 1 {
                  try await bus.enqueue(Task128(number: number, sent: 0))
                } else {
                  let jobs = (number..<min(number + batch, messages)).map { JobRequest(Task128(number: $0, sent: 0)) }
                  for result in try await bus.enqueue(jobs) where !result.isStored { throw ExitCode.failure }
                }
              }
            }
          }
          try await group.waitForAll()
        }
        await done.all()
        let left = try await broker.queues().first { $0.name == Task128.queue.name }
        let used = Usage.now - begin
        group.cancelAll()
        report([
          "case": "cycle", "publishers": publishers, "concurrency": concurrency, "batch": batch,
          "sync": place.synchronous, "n": messages, "secs": used.wall, "per_s": Double(messages) / used.wall,
          "cpu_s_per_100k": used.cpu * 100_000 / Double(messages), "handled": done.distinct, "twice": done.repeats,
          "extra": extra.rawValue, "records": extra.records,
          "left": (left?.ready ?? -1) + (left?.delayed ?? 0) - waiting, "waiting": waiting, "queues": queues,
        ])
      }
    }
  }

  /// Fills the file before the clock runs.
  private func prepare(_ broker: SQLiteBroker, waiting: Int, queues: Int) async throws {
    try await broker.apply(
      Topology(queues: [Task128.queue] + (0..<queues).map { Queue(QueueName("other.\($0)")) }))
    let bus = EventBus(broker, source: "bench")
    for first in stride(from: 0, to: waiting, by: 1000) {
      let jobs = (first..<min(first + 1000, waiting)).map { JobRequest(Task128(number: messages + $0, sent: 0)) }
      for result in try await bus.enqueue(jobs) where !result.isStored { throw ExitCode.failure }
    }
  }
}

/// From just before `enqueue` to the first line of the handler, when nothing else happens.
struct Latency: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 1000
  @Option(help: "Jobs a second.") var rate = 200
  @Option(help: "both, or one half of it in a process of its own: publish, work.") var role = "both"

  func run() async throws {
    let times = Mutex<[UInt64]>([])
    let done = Gate(messages)
    let (messages, rate, role) = (messages, rate, role)
    try await place.open().withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) {
        On(Task128.self) { job, _ in
          let now = clockNanoseconds()
          times.withLock { $0.append(now - job.sent) }
          done.count()
        }
      }
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, source: "bench")
      try await withThrowingTaskGroup(of: Void.self) { group in
        if role != "publish" { group.addTask { try await worker.run() } }
        if role == "work" { FileHandle.standardError.write(Data("ready\n".utf8)) }
        if role != "work" {
          let begin = ContinuousClock.now
          for number in 0..<messages {
            try await Task.sleep(until: begin + .microseconds(1_000_000 / rate) * number, tolerance: .zero)
            try await bus.enqueue(Task128(number: number, sent: clockNanoseconds()))
          }
        }
        if role != "publish" {
          await done.wait()
          let sorted = times.withLock { $0.dropFirst(messages / 10).sorted() }
          report([
            "case": role == "both" ? "latency, one process" : "latency, two processes", "n": sorted.count,
            "p50_ms": Double(sorted[sorted.count / 2]) / 1e6, "p99_ms": Double(sorted[sorted.count * 99 / 100]) / 1e6,
            "max_ms": Double(sorted[sorted.count - 1]) / 1e6,
          ])
        }
        group.cancelAll()
      }
    }
  }
}

/// What a worker costs that has nothing to do.
struct Idle: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var seconds = 10

  func run() async throws {
    let seconds = seconds
    try await place.open().withBroker { broker in
      let worker = try Worker(broker, name: "bench", logger: quiet) { On(Task128.self) { _, _ in } }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await Task.sleep(for: .seconds(1))
        let begin = Usage.now
        try await Task.sleep(for: .seconds(seconds))
        let used = Usage.now - begin
        group.cancelAll()
        report(["case": "idle", "secs": used.wall, "cpu_ms_per_s": used.cpu * 1000 / used.wall])
      }
    }
  }
}
