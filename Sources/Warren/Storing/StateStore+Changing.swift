package import Foundation

/// What is written of a value in a store.
package struct StoredValue<Value: Codable & Equatable & Sendable>: Sendable {
  /// By what it is found.
  package let key: StoreKey
  /// What it is, for errors: `the schedule 'report'`.
  package let what: String

  package init(_ key: StoreKey, _ what: String) {
    self.key = key
    self.what = what
  }
}

extension StateStore {
  /// Changes a value, whatever else changes it meanwhile: when that was so, `body` is called again with what is there then.
  ///
  /// - Parameters:
  ///   - value: which.
  ///   - expiry: from when on a value counts as gone; `nil`: never.
  ///   - body: changes what is there, which is `nil` when nothing is, and when nothing is to be. What it leaves as it was is not
  ///     written.
  /// - Returns: what `body` has returned for what is in the store now, and the record of that.
  @discardableResult package func change<Value, Result>(
    _ value: StoredValue<Value>, until expiry: (Value) -> Date?,
    _ body: (inout Value?) throws(BrokerError) -> Result
  ) async throws(BrokerError) -> (result: Result, record: StoreRecord?) {
    var attempt = 0
    while true {
      let found = try await record(value.key)
      let before = try found.map { record throws(BrokerError) in try value.read(record) }
      var after = before
      let result = try body(&after)
      if after == before { return (result, found) }
      if let after {
        let data = try value.data(of: after)
        let written = try await write(data, to: value.key, replacing: found?.version, until: expiry(after))
        if let written { return (result, written) }
      } else if let found, try await remove(value.key, found.version) {
        return (result, nil)
      }
      // Many want to change the same at once: spread, they are in each other's way less. In real time, since no test turns its clock
      // for this; that the sleep was cancelled is seen below.
      attempt += 1
      if attempt > 3 { try? await Task.sleep(for: .microseconds(Int.random(in: 0...(500 << min(attempt - 1, 5))))) }
      if Task.isCancelled { throw BrokerError(.unavailable, "\(value.what) was not changed: it was cancelled") }
    }
  }
}

extension StoredValue {
  /// What a record says.
  package func read(_ record: StoreRecord) throws(BrokerError) -> Value {
    do { return try JSONDecoder().decode(Value.self, from: record.value) } catch {
      throw BrokerError(
        .newerVersion, "what the store has of \(what) cannot be read: was it written by a newer Warren?",
        underlying: error)
    }
  }

  /// What a record is to say.
  package func data(of value: Value) throws(BrokerError) -> Data {
    do { return try JSONEncoder().encode(value) } catch {
      throw BrokerError(.invalid, "what is known of \(what) cannot be written: \(error)")
    }
  }
}
