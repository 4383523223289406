internal import Synchronization

/// The last mails that were taken.
final class MailBox: Sendable {
  /// How many are kept.
  static let limit = 500
  private let state = Mutex<(last: Int, mails: [(number: Int, mail: CaughtMail)])>((0, []))

  /// The newest first, each with its number.
  var all: [(number: Int, mail: CaughtMail)] { state.withLock { $0.mails.reversed() } }

  func add(_ mail: CaughtMail) {
    state.withLock { state in
      state.last += 1
      state.mails.append((state.last, mail))
      if state.mails.count > Self.limit { state.mails.removeFirst() }
    }
  }

  subscript(number: Int) -> CaughtMail? { state.withLock { $0.mails.first { $0.number == number }?.mail } }
}
