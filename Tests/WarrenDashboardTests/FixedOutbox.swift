import Foundation
import Synchronization
import Warren

/// An outbox in which two messages wait, of which one fails.
final class FixedOutbox: OperableOutbox {
  let failing: Mutex<[FailingPublication]>
  let retries = Mutex(0)

  init(at time: Date) {
    failing = Mutex([
      FailingPublication(
        id: "o1", name: "book.created", destination: "books", stored: time.addingTimeInterval(-90), attempts: 3,
        nextTry: time.addingTimeInterval(60), error: "there is no exchange <books>")
    ])
  }

  func status() async throws -> OutboxStatus {
    let failing = failing.withLock { $0 }
    return OutboxStatus(
      waiting: failing.count + 1, failing: failing.count, lag: .seconds(90), error: failing.first?.error,
      isRelayed: true)
  }
  func findings(patience: Duration) async throws -> [Finding] { [Finding(.warning, "two wait in the outbox")] }
  func waiting(limit: Int) async throws -> [WaitingPublication] {
    failing.withLock { failing in
      failing.prefix(limit).map {
        WaitingPublication(
          id: $0.id, name: $0.name, destination: $0.destination, stored: $0.stored, attempts: $0.attempts,
          nextTry: $0.nextTry, error: $0.error)
      }
    }
  }
  func failing(limit: Int) async throws -> [FailingPublication] { failing.withLock { Array($0.prefix(limit)) } }
  func retryNow() async throws { retries.withLock { $0 += 1 } }
  func discard(_ id: MessageID) async throws -> Bool {
    failing.withLock { failing in
      let count = failing.count
      failing.removeAll { $0.id == id }
      return failing.count < count
    }
  }
}
