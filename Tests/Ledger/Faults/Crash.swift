internal import ArgumentParser
internal import Foundation
internal import Warren

/// Kills publishers, workers and the command line with SIGKILL at random moments while messages pass, then balances the
/// books.
struct Crash: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "SIGKILL at random moments, then a ledger of every id: none lost, none parked wrongly.")
  @OptionGroup var broker: BrokerOption
  @Option(help: "Where the books are kept.") var folder: String
  @Option(help: "How many messages.") var messages = 10_000
  @Option(help: "The same seed kills in the same order after the same pauses.") var seed: UInt64 = 1
  @Option(help: "The command line that is killed too.") var warren: String

  private static let queue: QueueName = "ledger"

  func run() async throws {
    let engine = try broker.open()
    let passed = try await engine.withBroker { engine in try await test(engine) }
    if !passed { throw ExitCode.failure }
  }

  private func test(_ engine: any InspectableBroker & OperableBroker & DeadLetterBroker) async throws -> Bool {
    try await engine.apply(Topology(queues: [Queue(Self.queue)]))
    var random = Seeded(seed: seed)
    let processes = try await TestProcesses(
      broker: broker.broker, queue: Self.queue, folder: folder,
      shares: [0..<messages / 2, messages / 2..<messages], workers: 2, pause: 15)
    var command: Child?
    var killedCommands = 0
    let limit = Date().addingTimeInterval(180)
    while Date() < limit {
      try await Task.sleep(for: .milliseconds(Int.random(in: 10...90, using: &random)))
      let status = try await engine.queues().first { $0.name == Self.queue }
      let isPublished = await processes.isPublished
      if isPublished, let status, status.ready + (status.delayed ?? 0) + status.running == 0 { break }
      // A command line at work most of the time: each of these writes.
      if command?.isRunning != true {
        let work = [
          ["queue", "pause", "ledger"], ["queue", "resume", "ledger"], ["dead", "replay", "--all", "--yes"],
        ]
        let arguments = work[Int.random(in: 0..<work.count, using: &random)]
        command = try Child(warren, arguments + ["--broker", broker.broker])
        try command?.start()
      }
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3: await processes.killPublisher(using: &random)
      case 3..<7: await processes.killWorker(using: &random)
      case 7..<9: if command?.kill() == true { killedCommands += 1 }
      default: break
      }
      try await processes.replaceEnded()
      // A killed command may have left the queue paused.
      if Int.random(in: 0..<4, using: &random) == 0 || isPublished { try await engine.resume(Self.queue) }
    }
    command?.terminate()
    await command?.end()
    try await processes.end()
    let kills = await processes.kills
    say(
      "seed \(seed); killed: \(killedCommands) × command, \(kills.publishers) × publisher, \(kills.workers) × worker")
    return try await Ledger.balance(processes, engine, expected: Set((0..<messages).map { "m-\($0)" })).report()
  }
}
