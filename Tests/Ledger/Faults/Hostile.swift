internal import ArgumentParser
internal import Foundation
internal import Spawning
internal import Synchronization
internal import Warren

/// Does to a RabbitMQ cluster what neighbours, administrators and operators do, while messages pass and processes are killed; then
/// balances the books.
struct Hostile: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Policies, full, paused and deleted queues, looks at dead letters, then a ledger of every id: none lost.")
  @OptionGroup var broker: BrokerOption
  @Option(help: "Where the books are kept.") var folder: String
  @Option(help: "The same seed does the same things in the same order.") var seed: UInt64 = 1
  @Option(help: "How many acts.") var acts = 16
  @Option(help: "scripts/rabbitmq") var script: String
  @Option(help: "The folder of the cluster.") var cluster: String

  private static let queue: QueueName = "ledger"
  /// Far more numbers than a publisher gets through.
  private static let share = 1_000_000
  /// How late after it failed the second try of a message may begin whose retry is after 1 s, in seconds.
  private static let goal = 3.0

  func run() async throws {
    let engine = try broker.open()
    try await engine.withBroker { try await $0.apply(Topology(queues: [Queue(Self.queue), Queue(Probe.queue)])) }
    let processes = try await TestProcesses(
      brokers: [broker.broker], queue: Self.queue, folder: folder,
      shares: [0..<Self.share, Self.share..<2 * Self.share], workers: 3, spared: 1, pause: 60)
    do {
      if try await !test(processes) { throw ExitCode.failure }
    } catch {
      // Whatever failed, no process stays behind.
      await processes.killAll()
      throw error
    }
  }

  private func test(_ processes: TestProcesses) async throws -> Bool {
    let begin = Date()
    let cluster = Cluster(
      script: script, folder: self.cluster, nodes: ["rabbit1", "rabbit2", "rabbit3"], queue: Self.queue.rawValue)
    return try await broker.open().withBroker { engine in
      try await engine.apply(Topology(queues: [Queue(Self.queue), Queue(Probe.queue)]))
      let probe = Probe(engine: engine)
      let counts = try await withThrowingTaskGroup(of: HostileAct.Counts?.self) { group in
        group.addTask {
          try await probe.run()
          return nil
        }
        group.addTask { try await annoy(cluster, engine, processes) }
        while let end = try await group.next() {
          if let counts = end {
            group.cancelAll()
            return counts
          }
        }
        return HostileAct.Counts()
      }
      await processes.stopPublishing()
      try await processes.settle(engine, share: Self.share)
      try await processes.end()
      let ledger = try await Ledger.balance(processes, engine, expected: try await processes.begun(Self.share))
      let late = probe.latencies
      say(
        "seed \(seed); killed: \(await processes.counts.killedPublishers) × publisher, \(await processes.counts.killedWorkers) × worker"
      )
      say("looks: \(counts.looks), broken off: \(counts.brokenOff), refused: \(counts.refused)")
      say(String(format: "took %.0f s", Date().timeIntervalSince(begin)))
      return ledger.report([
        (
          String(
            format: "retries after 1 s of a queue that is well: %d, the second try after %.2f s at most, below %.0f",
            late.count,
            late.max() ?? 0, Self.goal), !late.isEmpty && late.allSatisfy { $0 < Self.goal }
        )
      ])
    }
  }

  /// One act after the other, and a kill every few seconds.
  private func annoy(
    _ cluster: Cluster, _ engine: any CompleteEngine, _ processes: TestProcesses
  ) async throws -> HostileAct.Counts {
    var random = Seeded(seed: seed)
    var counts = HostileAct.Counts()
    try await Task.sleep(for: .seconds(3))
    for act in HostileAct.all(acts, using: &random) {
      say("\(Date().formatted(.iso8601)) \(act)")
      try await act.happen(to: Self.queue, cluster, engine, &counts)
      await processes.kill(Bool.random(using: &random) ? .publisher : .worker, using: &random)
      try await Task.sleep(for: .milliseconds(200))
      try await processes.replaceEnded()
    }
    // A publisher that was just replaced publishes again what its predecessor had begun with.
    try await Task.sleep(for: .seconds(4))
    return counts
  }
}

/// An engine that can be looked at and operated.
typealias CompleteEngine = InspectableBroker & OperableBroker & DeadLetterBroker

/// A queue that nothing is done to: each of its messages fails once, and is tried again after a second.
final class Probe: Sendable {
  static let queue: QueueName = "healthy"
  private let engine: any CompleteEngine
  private let times = Mutex<[Double]>([])

  init(engine: any CompleteEngine) { self.engine = engine }

  /// How long after its failure each message was handed out again, in seconds.
  var latencies: [Double] { times.withLock { $0 } }

  func run() async throws {
    try await engine.consume(Self.queue, prefetch: 1) { consumer in
      while !Task.isCancelled {
        let message = Message(id: .unique(), name: "probe", body: Data(), timestamp: Date())
        guard (try? await engine.publish([Publication(message, to: .queue(Self.queue))]))?.first?.isStored == true
        else {
          continue
        }
        var failed: Date?
        while let delivery = await consumer.next() {
          // One from before, whose connection was lost.
          if delivery.message.id != message.id {
            _ = try? await engine.settle(delivery, as: .complete)
            continue
          }
          if delivery.history.attempts > 0 {
            if let failed { times.withLock { $0.append(Date().timeIntervalSince(failed)) } }
            if (try? await engine.settle(delivery, as: .complete)) == .settled { break }
            failed = nil
            continue
          }
          let now = Date()
          let retry = Settlement.retry(at: now.addingTimeInterval(1), History(attempts: 1))
          if (try? await engine.settle(delivery, as: retry)) == .settled { failed = now }
        }
      }
    }
  }
}
