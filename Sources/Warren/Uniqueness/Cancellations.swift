internal import Foundation

/// Jobs that were cancelled while they waited, on an engine that cannot reach a single message: a worker looks here before it begins one.
struct Cancellations: Sendable {
  let store: any StateStore

  /// For how long it is remembered that a job was cancelled.
  static let memory: Duration = .seconds(30 * 86_400)

  /// What the store has of one.
  private struct Record: Codable {
    /// Jobs of this id that were published until then are not wanted. Milliseconds, as messages are dated.
    var until: Int64
  }

  /// Notes that jobs of this id which were published until now are not wanted.
  func note(_ id: MessageID, in queue: QueueName, now: Date) async throws(BrokerError) {
    let value: Data
    do { value = try JSONEncoder().encode(Record(until: now.wholeMilliseconds)) } catch {
      throw BrokerError(.invalid, "that a job was cancelled cannot be written: \(error)")
    }
    let key = StoreKey(.cancelled, queue, id.rawValue)
    while !Task.isCancelled {
      let found = try await store.record(key)
      if try await store.write(value, to: key, replacing: found?.version, until: now.adding(Self.memory)) != nil {
        return
      }
    }
    throw BrokerError(.unavailable, "it was not noted that '\(id)' is not wanted: the task was cancelled")
  }

  /// Whether this message is not wanted any more. One that was published with the same id later is.
  func has(_ message: Message, in queue: QueueName) async throws(BrokerError) -> Bool {
    guard let id = message.id, let found = try await store.record(StoreKey(.cancelled, queue, id.rawValue)) else {
      return false
    }
    guard let record = try? JSONDecoder().decode(Record.self, from: found.value) else { return false }
    return message.timestamp.map { $0.wholeMilliseconds <= record.until } ?? true
  }
}
