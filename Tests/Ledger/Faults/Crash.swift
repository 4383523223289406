internal import ArgumentParser
internal import Foundation
internal import Spawning
internal import Warren

/// Kills publishers, workers and the command line with SIGKILL at random moments while messages pass, stops some in good order,
/// puts some and once all to sleep, and fills the disk; then balances the books.
struct Crash: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "SIGKILL at random moments, then a ledger of every id: none lost, none parked wrongly.")
  @OptionGroup var broker: BrokerOption
  @Option(help: "Other names of the same broker, of which each process that starts takes the next.")
  var alias: [String] = []
  @Option(help: "Where the books are kept.") var folder: String
  @Option(help: "The folder of the broker's file, if it is a small file system that may be filled.") var disk: String?
  @Option(help: "How many messages.") var messages = 10_000
  @Option(help: "The same seed does the same things in the same order after the same pauses.") var seed: UInt64 = 1
  @Option(help: "The command line that is killed too.") var warren: String

  private static let queue: QueueName = "ledger"
  /// How long all sleep together, in seconds: longer than the lease that the script gives the processes.
  private static let commonSleep = 8

  func run() async throws {
    let engine = try broker.open()
    let passed = try await engine.withBroker { engine in try await test(engine) }
    if !passed { throw ExitCode.failure }
  }

  private func test(_ engine: any InspectableBroker & OperableBroker & DeadLetterBroker) async throws -> Bool {
    try await engine.apply(Topology(queues: [Queue(Self.queue)]))
    let names = [broker.broker] + alias
    let processes = try await TestProcesses(
      brokers: names, options: broker.lease.map { ["--lease", "\($0)"] } ?? [], queue: Self.queue, folder: folder,
      shares: [0..<messages / 2, messages / 2..<messages], workers: 2, pause: 15)
    do {
      let done = try await disturb(engine, processes, names)
      try await processes.end()
      let counts = await processes.counts
      say(
        """
        seed \(seed); killed: \(done.killedCommands) × command, \(counts.killedPublishers) × publisher, \
        \(counts.killedWorkers) × worker; stopped in good order: \(counts.stopped); asleep: \(counts.asleep), \
        all together: \(done.commonSleeps); disk full: \(done.fills)
        """)
      let expected = Set((0..<messages).map { "m-\($0)" })
      return try await Ledger.balance(processes, engine, expected: expected).report()
    } catch {
      // Whatever failed, no process stays behind.
      await processes.killAll()
      throw error
    }
  }

  /// What was done besides what the processes count themselves.
  private struct Done {
    var killedCommands = 0
    var commonSleeps = 0
    var fills = 0
  }

  /// Disturbs the processes until all messages have come to their end, or for four minutes.
  private func disturb(
    _ engine: any InspectableBroker & OperableBroker, _ processes: TestProcesses, _ names: [String]
  ) async throws -> Done {
    var random = Seeded(seed: seed)
    var done = Done()
    let disk = disk.map(Disk.init)
    defer { disk?.free() }
    /// What happens once so many messages are confirmed.
    var events: [(confirmed: Int, event: Event)] = [
      (messages / 5, .fillDisk), (messages * 2 / 5, .sleepTogether), (messages * 3 / 5, .fillDisk),
    ]
    var diskIsFullUntil: Date?
    var command: ChildProcess?
    let limit = Date().addingTimeInterval(240)
    while Date() < limit {
      try await Task.sleep(for: .milliseconds(Int.random(in: 10...90, using: &random)))
      if let end = diskIsFullUntil, end < Date() {
        disk?.free()
        diskIsFullUntil = nil
      }
      let status = try await engine.queues().first { $0.name == Self.queue }
      let isPublished = await processes.isPublished
      if isPublished, let status, status.ready + (status.delayed ?? 0) + (status.running ?? 0) == 0 { break }

      if let next = events.first, diskIsFullUntil == nil,
        try await processes.confirmed().joined().count >= next.confirmed
      {
        events.removeFirst()
        switch next.event {
        case .fillDisk:
          if let disk {
            let seconds = Double.random(in: 1...3, using: &random)
            await processes.cannotBegin(seconds: seconds)
            try disk.fill()
            diskIsFullUntil = Date().addingTimeInterval(seconds)
          }
        case .sleepTogether:
          try await processes.sleepTogether(seconds: Self.commonSleep)
          done.commonSleeps += 1
        }
      }
      // A command line at work most of the time: each of these writes.
      if command?.isRunning != true {
        let work = [
          ["queue", "pause", "ledger"], ["queue", "resume", "ledger"], ["dead", "replay", "--all", "--yes"],
        ]
        let arguments = work[Int.random(in: 0..<work.count, using: &random)]
        let name = names[Int.random(in: 0..<names.count, using: &random)]
        command = try ChildProcess(warren, arguments + ["--broker", name])
      }
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<25: await processes.kill(.publisher, using: &random)
      case 25..<55: await processes.kill(.worker, using: &random)
      case 55..<72: if command?.send(SIGKILL) == true { done.killedCommands += 1 }
      case 72..<80: await processes.stop(.worker, using: &random)
      case 80..<84: await processes.stop(.publisher, using: &random)
      case 84..<88:
        await processes.putToSleep(.worker, seconds: Double.random(in: 0.1...8, using: &random), using: &random)
      case 88..<90:
        await processes.putToSleep(.publisher, seconds: Double.random(in: 0.1...3, using: &random), using: &random)
      default: break
      }
      try await processes.replaceEnded()
      // A killed command may have left the queue paused.
      if Int.random(in: 0..<4, using: &random) == 0 || isPublished { try await resume(engine) }
    }
    command?.send(SIGTERM)
    await command?.end()
    done.fills = disk?.fills ?? 0
    return done
  }

  private func resume(_ engine: any OperableBroker) async throws {
    do {
      try await engine.resume(Self.queue)
    } catch {
      // While the disk is full: the next round tries again.
      if !error.isRetryable { throw error }
    }
  }

  private enum Event { case fillDisk, sleepTogether }
}
