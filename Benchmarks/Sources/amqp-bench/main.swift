// The AMQP client under load: amqp-bench MODE QUEUE N SIZE WINDOW [PORT]
//
// Modes: tasks (WINDOW tasks, each awaiting every publish), batch (batches of 100), one (one publish at a time: WINDOW is
// ignored), reset (an empty quorum queue), consume, latency (WINDOW messages a second). It prints one line of JSON, like the other clients' benchmarks.
import AMQP
import Foundation
import NIOCore
import Synchronization

struct Usage {
  let wall = ContinuousClock.now
  let user: Double
  let system: Double

  init() {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
    system = Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
  }

  func report(_ mode: String, _ count: Int, _ p50: Double = 0, _ p99: Double = 0) {
    let now = Usage()
    let time = (now.wall - wall) / .seconds(1)
    let peak = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix("VmHWM") }?.split(separator: " ").compactMap { Int($0) }.first
    print(
      String(
        format: "{\"client\":\"warren\",\"mode\":\"%@\",\"n\":%d,\"secs\":%.6f,\"user\":%.6f,\"sys\":%.6f,"
          + "\"rss_kb\":%d,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"cpu_100k\":%.3f,\"per_s\":%.0f}", mode, count, time,
        now.user - user, now.system - system, peak ?? 0, p50, p99,
        (now.user - user + now.system - system) / Double(count) * 100_000, Double(count) / time))
  }
}

final class Countdown: Sendable {
  private let left: Atomic<Int>
  init(_ count: Int) { left = Atomic(count) }
  func takeOne() -> Bool { left.subtract(1, ordering: .relaxed).oldValue > 0 }
}

func publish(_ count: Int, _ tasks: Int, _ message: AMQPMessage, _ channel: AMQPChannel) async throws {
  let left = Countdown(count)
  try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 0..<tasks {
      group.addTask {
        while left.takeOne() { try await channel.publish(message) }
      }
    }
    try await group.waitForAll()
  }
}

func batches(_ count: Int, _ size: Int, _ message: AMQPMessage, _ channel: AMQPChannel) async throws {
  let batch = Array(repeating: message, count: size)
  let left = Countdown(count / size)
  // Several batches are on their way at a time, as the window would otherwise stand empty after each.
  try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 0..<3 {
      group.addTask {
        while left.takeOne() {
          for result in await channel.publish(batch) { if let error = result.error { throw error } }
        }
      }
    }
    try await group.waitForAll()
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 6, let count = Int(arguments[3]), let size = Int(arguments[4]), let window = Int(arguments[5])
else { fatalError("usage: amqp-bench MODE QUEUE N SIZE WINDOW [PORT]") }
let mode = arguments[1]
let queue = arguments[2]
var configuration = try AMQPConfiguration(
  uri: "amqp://guest:guest@127.0.0.1:\(arguments.count > 6 ? arguments[6] : "5672")")
configuration.heartbeat = .zero
let warm = min(2000, count / 10)
let message = AMQPMessage(routingKey: queue, mandatory: false, body: ByteBuffer(repeating: 120, count: size))

try await AMQPConnection.withConnection(configuration) { connection in
  let channel = try await connection.openChannel(.init(maxOutstanding: mode == "batch" ? 300 : max(1, window)))
  switch mode {
  case "reset":
    try await channel.deleteQueue(queue)
    try await channel.declareQueue(queue, arguments: ["x-queue-type": "quorum"])
  case "tasks", "confirm", "one":
    let tasks = mode == "one" ? 1 : window
    try await publish(warm, tasks, message, channel)
    let usage = Usage()
    try await publish(count, tasks, message, channel)
    usage.report(mode, count)
  case "batch":
    try await batches(warm, 100, message, channel)
    let usage = Usage()
    try await batches(count, 100, message, channel)
    usage.report(mode, count)
  case "consume":
    var usage: Usage?
    var seen = 0
    let deliveries = try await channel.consume(queue, prefetch: UInt16(window))
    for try await delivery in deliveries {
      if seen == warm { usage = Usage() }
      delivery.ack()
      seen += 1
      if seen == count + warm { break }
    }
    await deliveries.cancel()
    usage?.report(mode, count)
  case "latency":
    let times = Mutex<[Double]>([])
    try await connection.consume(queue, prefetch: 256) { deliveries in
      async let publishing: Void = {
        let start = ContinuousClock.now
        for index in 0..<count {
          try await Task.sleep(until: start + .seconds(Double(index) / Double(window)), tolerance: .zero)
          var bytes = ByteBuffer(integer: DispatchTime.now().uptimeNanoseconds)
          bytes.writeRepeatingByte(120, count: max(0, size - 8))
          try await channel.publish(AMQPMessage(routingKey: queue, mandatory: false, body: bytes))
        }
      }()
      var seen = 0
      for try await delivery in deliveries {
        let now = DispatchTime.now().uptimeNanoseconds
        var body = delivery.body
        let sent = body.readInteger(as: UInt64.self) ?? now
        if seen >= count / 10 { times.withLock { $0.append(Double(now - sent) / 1e6) } }
        delivery.ack()
        seen += 1
        if seen == count { break }
      }
      try await publishing
    }
    let sorted = times.withLock { $0.sorted() }
    Usage().report(mode, count, sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
  default: fatalError("unknown mode \(mode)")
  }
}
