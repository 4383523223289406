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
    let value = StoredValue<UniqueRecord>(StoreKey(.unique, queue, key), "the key '\(key)' of '\(queue)'")
    let change = try await store.change(value, until: { $0.expiry(now: clock.now) }) { found -> Result? in
      if found == nil, !isMade { return nil }
      var record = found ?? UniqueRecord()
      let result = body(&record, clock.now)
      found = record
      return result
    }
    return change.result
  }

  /// The keys of a queue that there are records of.
  func keys(of queue: QueueName) async throws(BrokerError) -> [String] {
    let prefix = StoreKey(.unique, queue, "").name
    return try await store.records(of: .unique).map(\.key.name).filter { $0.hasPrefix(prefix) }.map {
      String($0.dropFirst(prefix.count))
    }
  }
}
