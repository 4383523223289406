internal import Foundation

/// The records of the keys of unique jobs in a store.
struct UniqueRecords: Sendable {
  let store: any StateStore
  let clock: any BrokerClock

  /// Changes what is there, whatever else changes it meanwhile. `body` is called again when that was so.
  ///
  /// - Parameter isMade: whether a record is made where there is none.
  /// - Returns: what `body` has returned for what is written now; `nil` where there is no record and none is made.
  func change<Result: Sendable>(
    _ key: String, in queue: QueueName, isMade: Bool, _ body: (inout UniqueRecord, Date) -> Result
  ) async throws(BrokerError) -> Result? {
    let place = StoreKey(.unique, queue, key)
    for attempt in 0... {
      let found = try await store.record(place)
      if found == nil, !isMade { return nil }
      let before = try found.map { record throws(BrokerError) in try Self.read(record, key, queue) }
      var record = before ?? UniqueRecord()
      let now = clock.now
      let result = body(&record, now)
      if record == before { return result }
      let written = try await store.write(
        try Self.write(record, key), to: place, replacing: found?.version, until: record.expiry(now: now))
      if written != nil { return result }
      // Many want the same key at once: spread, they are in each other's way less.
      if attempt > 2 { try? await Task.sleep(for: .microseconds(Int.random(in: 0...(500 << min(attempt, 5))))) }
      if Task.isCancelled {
        throw BrokerError(.unavailable, "the key '\(key)' of '\(queue)' was not changed: it was cancelled")
      }
    }
    return nil
  }

  /// The keys of a queue that there are records of.
  func keys(of queue: QueueName) async throws(BrokerError) -> [String] {
    let prefix = StoreKey(.unique, queue, "").name
    return try await store.records(of: .unique).map(\.key.name).filter { $0.hasPrefix(prefix) }.map {
      String($0.dropFirst(prefix.count))
    }
  }

  private static func read(_ record: StoreRecord, _ key: String, _ queue: QueueName) throws(BrokerError) -> UniqueRecord
  {
    do { return try JSONDecoder().decode(UniqueRecord.self, from: record.value) } catch {
      throw BrokerError(
        .newerVersion,
        "what the store has of the key '\(key)' of '\(queue)' cannot be read: was it written by a newer Warren?",
        underlying: error)
    }
  }

  private static func write(_ record: UniqueRecord, _ key: String) throws(BrokerError) -> Data {
    do { return try JSONEncoder().encode(record) } catch {
      throw BrokerError(.invalid, "what is known of the key '\(key)' cannot be written: \(error)")
    }
  }
}
