import Foundation
import Warren
import WarrenOperations

/// What the queues did in the six hours before: bookings come in waves, and for half an hour the mail server was down.
enum EarlierHours {
  /// Writes it where samples are kept: in the broker, or in a file beside the audit's.
  static func seed(_ broker: some Broker, auditFile: String) async throws {
    let store: any SampleStore =
      broker as? any SampleStore ?? SampleFile(path: auditFile + ".history", clock: broker.clock)
    let now = broker.clock.now
    for minutes in stride(from: 350, through: 1, by: -1) {
      let time = now.addingTimeInterval(Double(-60 * minutes))
      let all = sample(minutes, at: time, share: 1)
      let hasQueues = minutes % 5 == 0
      try await store.keep(
        all,
        hasQueues
          ? ["email": sample(minutes, at: time, share: 0.6), "invoices": sample(minutes, at: time, share: 0.3)] : [:])
    }
  }

  private static func sample(_ minutes: Int, at time: Date, share: Double) -> QueueSample {
    let published = share * (40 + 18 * sin(Double(minutes) / 40) + 3 * sin(Double(minutes) / 2.3))
    let isDown = (150...180).contains(minutes)
    let catchesUp = (130..<150).contains(minutes)
    let completed = isDown ? published * 0.2 : catchesUp ? published * 1.9 : published
    let waited = isDown ? Double(181 - minutes) * 25 : catchesUp ? Double(minutes - 129) * 38 : 0.4
    return QueueSample(
      time: time, published: published, completed: completed, failed: isDown ? published * 0.5 : share * 0.3,
      depth: Int(waited * published * 0.8), oldest: waited)
  }
}
