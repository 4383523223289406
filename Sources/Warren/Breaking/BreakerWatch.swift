internal import Foundation
internal import Logging

/// Keeps a record of a breaker in the store for as long as it is open, and looks there whether it was reset. While it is closed
/// this asks the store for nothing.
struct BreakerWatch: Sendable {
  let breaker: Breaker
  let queues: [QueueName]
  let store: any StateStore
  let clock: any BrokerClock
  let logger: Logger

  /// How long a reset may go unseen.
  static let poll: Duration = .seconds(1)

  /// Does so until it is cancelled. Then the record is removed, as well as when the breaker closes.
  func run() async {
    while !Task.isCancelled {
      await breaker.opening.wait { $0 != nil }
      if Task.isCancelled { return }
      let key = StoreKey(.breaker, "\(breaker.dependency)/\(breaker.worker)/\(MessageID.unique())")
      while let opening = breaker.opening.value, !Task.isCancelled {
        do throws(BrokerError) { try await keep(opening, key) } catch {
          logger.warning(
            "The store was not told of a breaker, will try again",
            metadata: ["breaker": "\(breaker.dependency)", "error": "\(error)"])
        }
        await waitForChange(of: opening)
      }
      // Also when this task was cancelled: it is the last that it does.
      await uncancelled { await remove(key) }
    }
  }

  /// Writes the record where it is not as it should be, and resets the breaker when that was asked for.
  private func keep(_ opening: Breaker.Opening, _ key: StoreKey) async throws(BrokerError) {
    let found = try await store.record(key)
    if let found, let record = try? JSONDecoder().decode(BreakerRecord.self, from: found.value), record.isReset {
      return breaker.reset()
    }
    let record = BreakerRecord(
      dependency: breaker.dependency, worker: breaker.worker, process: Self.process, queues: queues,
      since: opening.since, until: opening.until, error: opening.error)
    // A try may take longer than the record lasts.
    let isEnding = found?.expiry.map { $0 < clock.now.addingTimeInterval(30) } ?? true
    if let found, !isEnding, (try? JSONDecoder().decode(BreakerRecord.self, from: found.value)) == record { return }
    _ = try await record.write(to: key, replacing: found?.version, in: store, now: clock.now)
  }

  private func waitForChange(of opening: Breaker.Opening) async {
    await withTaskGroup(of: Void.self) { group in
      // It throws only when it is cancelled, because the other came first.
      group.addTask { try? await clock.sleep(for: Self.poll) }
      group.addTask { await breaker.opening.wait { $0 != opening } }
      await group.next()
      group.cancelAll()
    }
  }

  private func remove(_ key: StoreKey) async {
    // What cannot be removed now is gone by itself a minute later.
    while let found = try? await store.record(key) {
      guard let isRemoved = try? await store.remove(key, found.version), !isRemoved else { return }
    }
  }

  private static let process = "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)"
}
