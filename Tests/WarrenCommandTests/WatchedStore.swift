import Foundation
import Warren

/// A store that tells which records were written by way of it and are not removed, so that a test can wait for one.
struct WatchedStore: StateStore {
  let base: any StateStore
  let keys = Watched<Set<StoreKey>>([])

  func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? { try await base.record(key) }
  func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] { try await base.records(of: kind) }
  func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    let written = try await base.write(value, to: key, replacing: version, until: expiry)
    if written != nil { keys.withValue { _ = $0.insert(key) } }
    return written
  }
  func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    let isRemoved = try await base.remove(key, version)
    if isRemoved { keys.withValue { _ = $0.remove(key) } }
    return isRemoved
  }
}
