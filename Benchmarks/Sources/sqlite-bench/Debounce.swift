internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenSQLite

/// Something that is to be done once for many changes.
private struct UpdateIndex: JobMessage {
  static let name: MessageName = "index.update"
  static let queue: Queue = "index"
  var process: Int
  var number: Int
}

/// Many publishes with one key that put a job off, from several processes, and a worker that counts its runs.
struct Debounce: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option(help: "work, or publish: each in processes of its own.") var role: String
  @Option(help: "Which of the publishing processes this is.") var process = 0
  @Option var messages = 1250
  @Option(help: "Seconds by which each puts it off.") var delay = 2.0
  @Option(help: "Seconds after the first at which it runs at the latest.") var longest = 60.0

  private struct Run { var process: Int, number: Int, at: Date }

  func run() async throws {
    let command = self
    try await place.open().withBroker { broker in
      try await broker.apply(Topology(queues: [UpdateIndex.queue]))
      if command.role == "work" { try await command.work(broker) } else { try await command.publish(broker) }
    }
  }

  private func publish(_ broker: SQLiteBroker) async throws {
    let bus = EventBus(broker, source: "bench")
    let begin = Date()
    for number in 0..<messages {
      try await bus.enqueue(
        UpdateIndex(process: process, number: number),
        unique: .key("index", for: .zero, onRepeat: .debounce(longest: .seconds(longest))), after: .seconds(delay))
    }
    report(["case": "publish", "first": begin.timeIntervalSince1970, "last": Date().timeIntervalSince1970])
  }

  private func work(_ broker: SQLiteBroker) async throws {
    let runs = Mutex<[Run]>([])
    let worker = try Worker(broker, name: "bench", logger: quiet) {
      On(UpdateIndex.self) { job, _ in
        runs.withLock { $0.append(Run(process: job.process, number: job.number, at: Date())) }
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      FileHandle.standardError.write(Data("ready\n".utf8))
      // Until the harness closes it; on a thread that may be blocked.
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          _ = try? FileHandle.standardInput.readToEnd()
          continuation.resume()
        }
      }
      let left = try await broker.queues().first { $0.name == UpdateIndex.queue.name }
      let all = runs.withLock { $0 }
      let (first, last) = (all.first?.at.timeIntervalSince1970, all.last?.at.timeIntervalSince1970)
      let waiting = (left?.ready ?? 0) + (left?.delayed ?? 0)
      report([
        "case": "debounce", "runs": all.count, "number": all.last?.number ?? -1, "first": first ?? 0.0,
        "last": last ?? 0.0, "left": waiting,
      ])
      group.cancelAll()
    }
  }
}
