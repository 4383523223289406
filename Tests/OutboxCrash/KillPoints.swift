internal import Foundation
internal import GRDB
internal import Synchronization

/// Ends this process by SIGKILL at a chosen one of the places where it could die.
final class KillPoints: Sendable {
  private let count = Mutex(0)
  private let last: Int
  private let book: Book?

  /// Dies at the point of this number, from 1; 0: never. It is noted in the book before what it died.
  init(at last: Int, notedIn book: Book? = nil) {
    self.last = last
    self.book = book
  }

  /// How many were passed.
  var passed: Int { count.withLock { $0 } }

  /// Passes a point, or ends here, before or after something.
  func pass(_ what: @autoclosure () -> String = "") {
    let isLast = count.withLock {
      $0 += 1
      return $0 == last
    }
    guard isLast else { return }
    book?.note("killed", what())
    kill(getpid(), SIGKILL)
  }

  /// Passes a point at each statement that writes.
  func pass(atEachWriteOf db: Database) {
    db.trace { event in
      let words = "\(event)".split(maxSplits: 3) { $0.isWhitespace || $0 == "(" }.map { $0.uppercased() }
      switch words.first {
      case "INSERT", "DELETE":
        let table = words.dropFirst().first { !["INTO", "FROM", "OR"].contains($0) } ?? ""
        self.pass("\(words[0]) \(table)".lowercased())
      case "UPDATE": self.pass("update \(words.dropFirst().first ?? "")".lowercased())
      case "COMMIT", "BEGIN", "SAVEPOINT", "RELEASE": self.pass(words[0].lowercased())
      default: break
      }
    }
  }
}
