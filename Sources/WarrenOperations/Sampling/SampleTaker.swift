internal import Foundation
internal import Warren

/// Makes samples of what queues tell, from one look to the next: pure.
struct SampleTaker {
  /// What is due how often.
  let ring: SampleRing
  private var last: (time: Date, totals: [QueueName: QueueStatus.Totals])?

  init(_ ring: SampleRing) { self.ring = ring }

  /// The samples of a look. Of the first, and of one after a break, it is not known what has happened since.
  mutating func take(_ queues: [QueueStatus], at now: Date) -> [QueueName: QueueSample] {
    let before = last.flatMap { last in
      let seconds = now.timeIntervalSince(last.time)
      return seconds > 0 && seconds < 2 * (ring.interval / .seconds(1)) ? (last.totals, seconds) : nil
    }
    let work = queues.filter { !$0.holdsDeadLetters }
    last = (now, Dictionary(work.compactMap { queue in queue.totals.map { (queue.name, $0) } }) { $1 })
    return Dictionary(work.map { ($0.name, sample($0, before, now)) }) { $1 }
  }

  private func sample(
    _ queue: QueueStatus, _ before: (totals: [QueueName: QueueStatus.Totals], seconds: Double)?, _ now: Date
  ) -> QueueSample {
    var sample = QueueSample(time: now, depth: queue.ready + (queue.running ?? 0))
    if queue.ready == 0 {
      sample.oldest = 0
    } else {
      sample.oldest = queue.oldest.map { max(0, now.timeIntervalSince($0)) }
    }
    if let totals = queue.totals {
      guard let before else { return sample }
      // A queue that was not there had nothing; one that has less than before was deleted and declared anew.
      let known = before.totals[queue.name] ?? .init(published: 0, completed: 0, retried: 0, deadLettered: 0)
      func rate(_ count: (QueueStatus.Totals) -> Int) -> Double? {
        let difference = count(totals) - count(known)
        return difference < 0 ? nil : Double(difference) / before.seconds
      }
      sample.published = rate(\.published)
      sample.completed = rate(\.completed)
      sample.failed = rate { $0.retried + $0.deadLettered }
    } else if let rates = queue.rates {
      sample.published = rates.published
      sample.completed = rates.settled
    }
    return sample
  }

  /// All of them together. What no queue tells is not known.
  static func all(_ samples: some Sequence<QueueSample>, at now: Date) -> QueueSample {
    let samples = Array(samples)
    func sum(_ value: (QueueSample) -> Double?) -> Double? {
      let known = samples.compactMap(value)
      return known.isEmpty && !samples.isEmpty ? nil : known.reduce(0, +)
    }
    let oldest = samples.compactMap(\.oldest)
    return QueueSample(
      time: now, published: sum(\.published), completed: sum(\.completed), failed: sum(\.failed),
      depth: samples.compactMap(\.depth).reduce(0, +), oldest: samples.isEmpty ? 0 : oldest.max())
  }
}
