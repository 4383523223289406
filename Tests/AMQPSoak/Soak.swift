import AMQP
import Foundation
import Logging
import Synchronization

/// Runs the client for minutes beside a proxy that cuts its connections every few seconds, and says whether memory stayed where
/// it was, every call returned and every message arrived: `amqp-soak URI MINUTES SEED`.
@main
struct Soak {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let minutes = Double(arguments[2]), let seed = Int(arguments[3]) else {
      say("usage: amqp-soak URI MINUTES SEED")
      exit(2)
    }
    var configuration = try AMQPConfiguration(uri: arguments[1])
    let broker = configuration.endpoints[0]
    let proxy = try await Proxy.start(to: broker.host, broker.port)
    configuration.endpoints = [.init(host: "127.0.0.1", port: proxy.port)]
    // What the broker was not told of ends with it.
    configuration.heartbeat = .seconds(2)
    configuration.replyTimeout = .seconds(20)
    configuration.recovery.lastBound = .milliseconds(500)
    configuration.logger = Logger(label: "amqp") { _ in SwiftLogNoOpLogHandler() }
    let queues = (0..<6).map { "soak-\(seed)-\($0)" }
    let unaccounted = "soak-\(seed)-unaccounted"
    configuration.topology = AMQPTopology(
      queues: queues.map { .init($0) } + [.init(unaccounted, arguments: ["x-max-length": 20_000])])
    var second = configuration
    configuration.name = "soak-publishing"
    second.name = "soak-consuming"

    let publishing = AMQPConnection(configuration)
    let consuming = AMQPConnection(second)
    let running = [publishing, consuming].map { connection in Task { try await connection.run() } }
    try await publishing.waitUntilOpen()
    try await consuming.waitUntilOpen()
    let books = Books()
    let calls = Calls()
    let workers = Workers(
      publishing: publishing, consuming: consuming, books: books, calls: calls, seed: seed, queues: queues,
      unaccounted: unaccounted)

    let start = ContinuousClock.now
    let end = start + .seconds(minutes * 60)
    let isPublishingOver: @Sendable () -> Bool = { ContinuousClock.now >= end }
    let mayRest = Atomic(false)
    let isConsumingOver: @Sendable () -> Bool = { mayRest.load(ordering: .relaxed) }

    let publishers = (0..<4).map { part in Task { await workers.publish(part, until: isPublishingOver) } }
    let flood = Task { await workers.flood(4, until: isPublishingOver) }
    let consumers = (0..<12).map { part in
      Task { await workers.consume(10 + part, noAck: false, until: isConsumingOver) }
    }
    let careless = (0..<2).map { part in Task { await workers.consume(30 + part, noAck: true, until: isConsumingOver) }
    }
    let cuts = Atomic(0)
    let cutting = Task {
      var random = Seeded(seed, 99)
      while !isPublishingOver() {
        try await Task.sleep(for: .seconds(Double.random(in: 1...6, using: &random)))
        await proxy.cut(Proxy.Cut.allCases.randomElement(using: &random) ?? .both)
        cuts.add(1, ordering: .relaxed)
      }
    }

    var samples: [(minute: Double, megabytes: Double)] = []
    while !isPublishingOver() {
      try await Task.sleep(for: .seconds(5))
      let passed = (ContinuousClock.now - start) / .seconds(60)
      samples.append((passed, residentMegabytes()))
      if samples.count % 12 == 0 {
        let totals = books.totals
        say(
          String(
            format: "minute %.0f: %.1f MB, %d confirmed, %d consumed, %d open, %d cuts", passed, residentMegabytes(),
            totals.confirmed, totals.consumed, books.open, cuts.load(ordering: .relaxed)))
      }
    }
    cutting.cancel()
    _ = await cutting.result

    // Everything that was published arrives, then everything ends.
    let isDrained = await within(120) { books.open == 0 }
    mayRest.store(true, ordering: .relaxed)
    let all = publishers + [flood] + consumers + careless
    let isAtRest = await within(60) { calls.waiting == 0 }
    if isAtRest { for task in all { await task.value } }
    let waiting = calls.waiting
    for task in all { task.cancel() }
    let closing = ContinuousClock.now
    await publishing.close()
    await consuming.close()
    for task in running { try await task.value }
    let closed = ContinuousClock.now - closing
    await deleteQueues(arguments[1], queues + [unaccounted])

    // Minute 3, or the same share of a shorter run, beside the last minute.
    let early = minutes >= 5 ? 2.0..<3.0 : minutes * 0.3..<minutes * 0.45
    let late = minutes >= 5 ? minutes - 1..<minutes + 1 : minutes * 0.85..<minutes + 1
    let before = mean(samples.filter { early.contains($0.minute) }.map(\.megabytes))
    let after = mean(samples.filter { late.contains($0.minute) }.map(\.megabytes))
    let totals = books.totals
    say("seed \(seed), \(minutes) minutes, \(cuts.load(ordering: .relaxed)) cuts")
    say(
      "messages: \(totals.confirmed) confirmed in \(totals.tries) calls, \(totals.consumed) consumed, \(totals.repeated) again, "
        + "\(books.open) unaccounted")
    say("waiters: \(waiting)")
    say(String(format: "memory: %.1f MB early, %.1f MB at the end (%+.1f MB)", before, after, after - before))
    say("closing took \(closed)")
    let isGood =
      isDrained && isAtRest && books.open == 0 && waiting == 0 && after - before <= 10 && totals.confirmed > 0
    for line in books.missing { say("missing \(line)") }
    say(isGood ? "soak: good" : "soak: FAILED")
    exit(isGood ? 0 : 1)
  }

  /// Prints a line at once, also into a file.
  private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

  private static func within(_ seconds: Double, _ condition: @Sendable () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while !condition() {
      if ContinuousClock.now >= end { return false }
      try? await Task.sleep(for: .milliseconds(50))
    }
    return true
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  private static func residentMegabytes() -> Double {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
    else { return 0 }
    return pages * 4096 / 1_000_000
  }

  private static func deleteQueues(_ uri: String, _ queues: [String]) async {
    guard let configuration = try? AMQPConfiguration(uri: uri) else { return }
    try? await AMQPConnection.withConnection(configuration) { connection in
      try await connection.withChannel { channel in for queue in queues { _ = try await channel.deleteQueue(queue) } }
    }
  }
}
