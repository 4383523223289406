internal import ArgumentParser
internal import Foundation
internal import Measuring
internal import Synchronization
internal import Warren
internal import WarrenRabbitMQ

/// Jobs with random delays: how late each comes, that none comes early, that each comes once.
struct Delays: AsyncParsableCommand {
  @OptionGroup var place: Place
  @Option var messages = 100_000
  @Option(help: "The shortest delay, in seconds.") var from = 1.0
  @Option(help: "The longest.") var to = 60.0
  @Option(help: "Jobs a second that are enqueued; without it as fast as can be.") var rate: Int?

  func run() async throws {
    let (messages, delays, rate) = (messages, from...to, rate)
    try await place.open().withBroker { broker in
      let handled = Handled(messages)
      let refused = Gate(.max)
      let lateness = Mutex<[Double]>([])
      let worker = try worker(broker, concurrency: 100) { job in
        let late = Double(microseconds(.now) - job.due) / 1000
        lateness.withLock { $0.append(late) }
        handled.note(job.number)
      }
      try await broker.apply(worker.topology)
      let bus = EventBus(broker, source: "bench")
      try await during(worker) {
        let begin = Usage.now
        let start = ContinuousClock.now
        try await Share.split(messages, among: 100) { number in
          if let rate { try await Task.sleep(until: start + .seconds(1) / rate * number, tolerance: .zero) }
          // Whole microseconds, so that rounding makes nothing late or early.
          let due = microseconds(.now) + Int64(Double.random(in: delays) * 1e6)
          let time = Date(timeIntervalSince1970: Double(due) / 1e6)
          while true {
            do {
              try await bus.enqueue(Task128(number: number, due: due), at: time)
              break
            } catch let error as BrokerError where error.isRetryable { refused.count() }
          }
        }
        let enqueuing = (Usage.now - begin).wall
        // What does not come within half a minute after the last was due is lost.
        let limit = ContinuousClock.now + .seconds(delays.upperBound + 30)
        while handled.distinct < messages, .now < limit { try await Task.sleep(for: .milliseconds(20)) }
        let all = lateness.withLock { $0 }
        begin.report(
          messages,
          quantiles(all).merging([
            "early": all.count { $0 < 0 }, "earliest_ms": all.min() ?? 0, "lost": messages - handled.distinct,
            "repeats": handled.repeats,
            "refused": refused.seen,
            "enqueue_per_s": Double(messages) / enqueuing,
          ]) { $1 })
      }
    }
  }
}

func microseconds(_ time: Date) -> Int64 { Int64((time.timeIntervalSince1970 * 1e6).rounded()) }
