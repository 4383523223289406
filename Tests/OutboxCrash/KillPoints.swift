internal import Foundation
internal import GRDB
internal import Synchronization

/// Ends this process by SIGKILL at a chosen one of the places where it could die.
final class KillPoints: Sendable {
  private let count = Mutex(0)
  private let last: Int

  /// Dies at the point of this number, from 1; 0: never.
  init(at last: Int) { self.last = last }

  /// How many were passed.
  var passed: Int { count.withLock { $0 } }

  /// Passes a point, or ends here.
  func pass() {
    let isLast = count.withLock {
      $0 += 1
      return $0 == last
    }
    if isLast { kill(getpid(), SIGKILL) }
  }

  /// Passes a point at each statement that writes.
  func pass(atEachWriteOf db: Database) {
    db.trace { event in
      let text = "\(event)".prefix(8).uppercased()
      if ["INSERT", "UPDATE", "DELETE", "COMMIT", "BEGIN", "SAVE", "RELE"].contains(where: { text.hasPrefix($0) }) {
        self.pass()
      }
    }
  }
}
