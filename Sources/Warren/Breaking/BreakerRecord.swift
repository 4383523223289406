internal import Foundation

/// What a store has of a breaker that is open: one record for each worker.
struct BreakerRecord: Codable, Sendable, Equatable {
  var dependency: DependencyName
  var worker: String
  /// Host and process id.
  var process: String
  var queues: [QueueName]
  var since: Date
  var until: Date
  var error: String
  /// Whether an operator has asked to close it.
  var isReset = false

  /// All that can be read; what a newer version wrote is not shown.
  static func all(in store: any StateStore) async throws(BrokerError) -> [(StoreRecord, BreakerRecord)] {
    try await store.records(of: .breaker).compactMap { record in
      (try? JSONDecoder().decode(BreakerRecord.self, from: record.value)).map { (record, $0) }
    }
  }

  /// Writes it; `nil` when it was changed meanwhile. It counts as gone a minute after the time that it waits for, unless it is written
  /// again: its process may have died.
  func write(
    to key: StoreKey, replacing version: StoreVersion?, in store: any StateStore, now: Date
  ) async throws(BrokerError) -> StoreRecord? {
    try await store.write(try stored(at: key).data(of: self), to: key, replacing: version, until: expiry(now: now))
  }

  /// Its place in a store.
  func stored(at key: StoreKey) -> StoredValue<BreakerRecord> { StoredValue(key, "the breaker '\(dependency)'") }

  /// From when on it counts as gone.
  func expiry(now: Date) -> Date { max(until, now).addingTimeInterval(60) }
}
