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
    let half = messages / 2
    var publishers = [share(0, 0..<half), share(1, half..<messages)]
    var workers = [worker(0), worker(1)]
    var commands: [Child] = []
    for child in publishers + workers { try child.start() }

    var kills = ["publisher": 0, "worker": 0, "command": 0]
    let limit = Date().addingTimeInterval(180)
    while true {
      try await Task.sleep(for: .milliseconds(Int.random(in: 10...90, using: &random)))
      let status = try await engine.queues().first { $0.name == Self.queue }
      let isPublished = publishers.allSatisfy { $0.hasSucceeded }
      if isPublished, let status, status.ready + (status.delayed ?? 0) + status.running == 0 { break }
      if Date() > limit { break }
      // A command line at work most of the time: each of these writes.
      commands.removeAll { !$0.isRunning }
      if commands.isEmpty {
        let work = [
          ["queue", "pause", "ledger"], ["queue", "resume", "ledger"], ["dead", "replay", "--all", "--yes"],
        ]
        let arguments = work[Int.random(in: 0..<work.count, using: &random)]
        let command = Child(warren, arguments + ["--broker", broker.broker])
        try command.start()
        commands.append(command)
      }
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3:
        let index = Int.random(in: 0..<publishers.count, using: &random)
        if publishers[index].kill() { kills["publisher", default: 0] += 1 }
      case 3..<7:
        let index = Int.random(in: 0..<workers.count, using: &random)
        if workers[index].kill() { kills["worker", default: 0] += 1 }
      case 7..<9: for command in commands where command.kill() { kills["command", default: 0] += 1 }
      default: break
      }
      for (index, publisher) in publishers.enumerated() where !publisher.isRunning && !publisher.hasSucceeded {
        publishers[index] = share(index, index == 0 ? 0..<half : half..<messages)
        try publishers[index].start()
      }
      for (index, child) in workers.enumerated() where !child.isRunning {
        workers[index] = worker(index)
        try workers[index].start()
      }
      // A killed command may have left the queue paused.
      if Int.random(in: 0..<4, using: &random) == 0 || isPublished { try await engine.resume(Self.queue) }
    }
    for child in commands + workers { child.terminate() }
    for child in commands + workers + publishers { await child.end() }
    return try await balance(engine, kills)
  }

  private func balance(
    _ engine: any InspectableBroker & DeadLetterBroker, _ kills: [String: Int]
  ) async throws -> Bool {
    var parked: [DeadLetter] = []
    var selection = DeadLetterSelection(limit: 1000)
    repeat {
      let page = try await engine.deadLetters(selection)
      parked += page.letters
      selection.after = page.next
    } while selection.after != nil
    let status = try await engine.queues().first { $0.name == Self.queue }
    let ledger = Ledger(
      expected: Set((0..<messages).map { "m-\($0)" }),
      confirmed: try Book.read(path("published-0")).union(Book.read(path("published-1"))),
      handled: try Book.lines(path("handled")), parked: parked,
      left: status.map { $0.ready + ($0.delayed ?? 0) + $0.running } ?? -1)
    say(
      "seed \(seed); killed: "
        + kills.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", "))
    for line in ledger.lines { say("\(line.isRight ? "ok  " : "BAD ") \(line.text)") }
    let passed = ledger.lines.filter(\.isRight).count
    say("\(passed) passed, \(ledger.lines.count - passed) failed")
    return passed == ledger.lines.count
  }

  private func path(_ name: String) -> String { "\(folder)/\(name).log" }
  private func share(_ index: Int, _ numbers: Range<Int>) -> Child {
    Child(
      CommandLine.arguments[0],
      [
        "publish", "--queue", Self.queue.rawValue, "--prefix", "m", "--from", "\(numbers.lowerBound)", "--to",
        "\(numbers.upperBound)", "--log", path("published-\(index)"), "--broker", broker.broker,
      ])
  }
  private func worker(_ index: Int) -> Child {
    Child(
      CommandLine.arguments[0],
      ["work", "--queue", Self.queue.rawValue, "--log", path("handled"), "--broker", broker.broker])
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same seed, the same numbers.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
