internal import Foundation

/// Jobs that were cancelled while they waited, on an engine that cannot reach a single message: a worker looks here before it begins one.
struct Cancellations: Sendable {
  let store: any StateStore

  /// For how long it is remembered that a job was cancelled.
  static let memory: Duration = .seconds(30 * 86_400)

  /// What the store has of one.
  private struct Record: Codable, Equatable {
    /// Jobs of this id that were published until then are not wanted. Milliseconds, as messages are dated.
    var until: Int64
  }

  /// Notes that jobs of this id which were published until now are not wanted.
  func note(_ id: MessageID, in queue: QueueName, now: Date) async throws(BrokerError) {
    let value = StoredValue<Record>(StoreKey(.cancelled, queue, id.rawValue), "the cancellation of '\(id)'")
    try await store.change(value, until: { _ in now.adding(Self.memory) }) { $0 = Record(until: now.wholeMilliseconds) }
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
