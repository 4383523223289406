internal import Logging

/// What a worker asks the store before it begins a job, and tells it when that is done.
struct JobClaims: Sendable {
  let records: UniqueRecords
  /// `nil` where it is not looked for what was cancelled, which costs a look for each job.
  let cancellations: Cancellations?

  /// Whether the store has to be asked about this delivery.
  func concern(_ delivery: Delivery) -> Bool {
    cancellations != nil || delivery.message.headers[UniqueMark.header] != nil
  }

  /// Whether this delivery is to be handled: no newer job has taken its key, and it was not cancelled.
  func begin(_ delivery: Delivery) async throws(BrokerError) -> Bool {
    let mark = UniqueMark(delivery.message)
    if let cancellations, try await cancellations.has(delivery.message, in: delivery.queue) {
      if let mark { try await finish(mark, in: delivery.queue, window: .zero) }
      return false
    }
    guard let mark else { return true }
    let isCurrent = try await records.change(mark.key, in: delivery.queue, isMade: false) { record, _ in
      record.begin(mark.number)
    }
    // Without a record nothing speaks against it.
    return isCurrent ?? true
  }

  /// Notes that a job is done: from now on its key keeps repeats out for its window only.
  func finish(_ delivery: Delivery) async throws(BrokerError) {
    guard let mark = UniqueMark(delivery.message) else { return }
    try await finish(mark, in: delivery.queue, window: mark.window)
  }

  private func finish(_ mark: UniqueMark, in queue: QueueName, window: Duration) async throws(BrokerError) {
    _ = try await records.change(mark.key, in: queue, isMade: false) { record, now in
      record.finish(mark.number, window: window, now: now)
    }
  }
}
