internal import Foundation
internal import Logging
internal import Synchronization
internal import Warren

/// What was done in the dashboard, by whom. Each entry is written to the log before it is done, and its outcome after.
final class AuditTrail: Sendable {
  struct Entry: Sendable, Equatable, Codable {
    var number: Int
    var time: Date
    var person: String
    var action: String
    /// What it was done to, in words.
    var subject: String
    /// What became of it; `nil` while it is being done.
    var outcome: String?
    var isFailure = false
  }

  /// How many entries are kept in memory.
  static let limit = 500

  private struct State {
    var entries: [Entry] = []
    var last = 0
  }
  private let state = Mutex(State())
  private let logger: Logger

  init(_ logger: Logger) { self.logger = logger }

  /// The entries, the newest first.
  var entries: [Entry] { state.withLock { $0.entries.reversed() } }

  /// Notes what is about to be done. Returns the number to tell the outcome of.
  func begin(_ person: String, _ action: Dashboard.Action, _ subject: String, at time: Date) -> Int {
    logger.notice(
      "Dashboard action",
      metadata: ["person": "\(person)", "action": "\(action)", "subject": "\(subject)"])
    return state.withLock { state in
      state.last += 1
      state.entries.append(
        Entry(number: state.last, time: time, person: person, action: action.rawValue, subject: subject))
      if state.entries.count > Self.limit { state.entries.removeFirst(state.entries.count - Self.limit) }
      return state.last
    }
  }

  /// Notes what became of it.
  func end(_ number: Int, _ outcome: String, isFailure: Bool = false) {
    logger.notice("Dashboard action ended", metadata: ["outcome": "\(outcome)", "failed": "\(isFailure)"])
    state.withLock { state in
      guard let index = state.entries.lastIndex(where: { $0.number == number }) else { return }
      state.entries[index].outcome = outcome
      state.entries[index].isFailure = isFailure
    }
  }
}
