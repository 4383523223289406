internal import Foundation

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
    let value: Data
    do { value = try JSONEncoder().encode(state) } catch {
      throw BrokerError(.invalid, "what is known of the schedule '\(entry.name)' cannot be written: \(error)")
    }
    guard let written = try await store.write(value, to: entry.key, replacing: entry.version, until: nil) else {
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
    while let entry = try await entry(name) {
      guard let state = try body(entry.state) else { return entry }
      if let written = try await write(state, entry) { return written }
      if Task.isCancelled {
        throw BrokerError(.unavailable, "the schedule '\(name)' was not changed: it was cancelled")
      }
    }
    return nil
  }

  private func entry(_ record: StoreRecord) throws(BrokerError) -> Entry {
    do {
      return Entry(
        key: record.key, version: record.version,
        state: try JSONDecoder().decode(ScheduleState.self, from: record.value))
    } catch {
      throw BrokerError(
        .newerVersion,
        "what the store has of the schedule '\(record.key.name)' cannot be read: was it written by a newer Warren?",
        underlying: error)
    }
  }
}
