package import Foundation
internal import Logging

/// The keys of unique jobs that an operator enqueues or deletes, where a store keeps them: the engine does not know of any.
package struct OperatedKeys: Sendable {
  private let records: UniqueRecords

  /// `nil` where the engine keeps the keys itself, or there is no store.
  package init?(_ broker: any Broker, store: (any StateStore)?, clock: any BrokerClock) {
    guard let store, broker.capabilities.uniqueness.isEmpty else { return nil }
    records = UniqueRecords(store: store, clock: clock)
  }

  /// Publishes a job with a key, unless it is a repeat.
  package func publish(_ job: Publication, to broker: any Broker) async throws(BrokerError) -> [PublishResult] {
    let quiet = Logger(label: "warren.keys") { _ in SwiftLogNoOpLogHandler() }
    return try await UniqueKeys(records: records, broker: broker, logger: quiet).publish([job]) {
      publications throws(BrokerError) in try await broker.publish(publications)
    }
  }

  /// Whether a dead letter is a job with such a key.
  package func concern(_ letter: DeadLetter) -> Bool { letter.message.headers[UniqueMark.header] != nil }

  /// Frees the keys of dead letters. They are to be deleted after that: when it is broken off in between, they can be selected again.
  package func free(_ letters: [DeadLetter]) async throws(BrokerError) {
    for letter in letters {
      guard let mark = UniqueMark(letter.message) else { continue }
      _ = try await records.change(mark.key, in: letter.origin, isMade: false) { record, _ in
        record.note(deleted: mark.number)
      }
    }
  }

  /// The keys of a queue that there are records of, to be freed when it was emptied.
  package func keys(of queue: QueueName) async throws(BrokerError) -> [String] { try await records.keys(of: queue) }

  /// Frees keys of jobs of a queue that were published until this time.
  package func free(_ keys: [String], of queue: QueueName, until time: Date) async throws(BrokerError) {
    for key in keys {
      _ = try await records.change(key, in: queue, isMade: false) { record, _ in
        if record.stored <= time.wholeMilliseconds { record.note(deleted: record.stored) }
      }
    }
  }
}
