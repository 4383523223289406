/// The records of schedules in a store.
struct ScheduleRecords: Sendable {
  /// A record that was read, or that there is none yet.
  struct Entry: Sendable {
    let key: StoreKey
    let version: StoreVersion?
    let state: ScheduleState
    var name: String { key.name }
  }
  let store: any StateStore

  /// All that can be read.
  func all() async throws(BrokerError) -> [Entry] {
    var entries: [Entry] = []
    for record in try await store.records(of: .schedule) { entries.append(try entry(record)) }
    return entries
  }

  /// One; `nil` when there is none.
  func entry(_ name: String) async throws(BrokerError) -> Entry? {
    guard let record = try await store.record(StoreKey(.schedule, name)) else { return nil }
    return try entry(record)
  }

  /// Writes what is to be known; `nil` when it was changed meanwhile.
  func write(_ state: ScheduleState, _ entry: Entry) async throws(BrokerError) -> Entry? {
    let data = try Self.value(entry.key).data(of: state)
    guard let written = try await store.write(data, to: entry.key, replacing: entry.version, until: nil) else {
      return nil
    }
    return Entry(key: entry.key, version: written.version, state: state)
  }

  /// Changes what is there, whatever else changes it meanwhile. `body` returns `nil` when nothing is to be changed.
  ///
  /// - Returns: what is there afterwards; `nil` when there is no such record.
  @discardableResult func change(
    _ name: String, _ body: (ScheduleState) throws(BrokerError) -> ScheduleState?
  ) async throws(BrokerError) -> Entry? {
    let change = try await store.change(Self.value(StoreKey(.schedule, name)), until: { _ in nil }) {
      state throws(BrokerError) in
      if let found = state, let changed = try body(found) { state = changed }
      return state
    }
    guard let state = change.result, let record = change.record else { return nil }
    return Entry(key: record.key, version: record.version, state: state)
  }

  private func entry(_ record: StoreRecord) throws(BrokerError) -> Entry {
    Entry(key: record.key, version: record.version, state: try Self.value(record.key).read(record))
  }

  private static func value(_ key: StoreKey) -> StoredValue<ScheduleState> {
    StoredValue(key, "the schedule '\(key.name)'")
  }
}
