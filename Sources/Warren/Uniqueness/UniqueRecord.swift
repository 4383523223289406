internal import Foundation

/// What a store has of the key of a unique job, on an engine that cannot keep repeats out itself. It is pure: it decides what is
/// published, and which of the copies in the queue is handled.
///
/// Each copy has a number, larger than those before it. A copy is superseded once a newer one is known to be stored, and no sooner:
/// what a publisher has only begun takes nothing away.
struct UniqueRecord: Codable, Sendable, Equatable {
  /// The largest number that was given to a copy.
  private(set) var last: Int64 = 0
  /// The id of that copy.
  private(set) var id: MessageID?
  /// Until when it counts as stored although that is not known; `nil` where it is known, or known not to be.
  private(set) var doubtfulUntil: Date?
  /// The largest number of a copy that is known to be stored.
  private(set) var stored: Int64 = 0
  /// The largest number of a copy that was handled, or given up.
  private(set) var done: Int64 = 0
  /// Until when repeats are kept out after that.
  private(set) var keptOutUntil: Date?
  /// Since when repeats put the job off (``Uniqueness/Repeat/debounce(longest:)``), while no worker has begun it.
  private(set) var first: Date?
  /// A copy that waits and has been put off for as long as may be: what comes after it does not supersede it.
  private(set) var overdue: Int64?
  /// When the last of all copies comes out.
  private(set) var latestDue: Date?
  /// A copy that an operator has deleted. Should it be there all the same, it is handled like any other.
  private(set) var deleted: Int64?

  /// How long a publisher may take to say whether a copy was stored.
  static let doubt: Duration = .seconds(300)

  /// What becomes of a job that is to be published.
  enum Reservation: Equatable, Sendable {
    case repeated
    case publish(number: Int64, notBefore: Date?)
  }

  /// Decides about a job that is to be published.
  mutating func reserve(_ unique: Uniqueness, _ id: MessageID?, due: Date?, now: Date) -> Reservation {
    // The same job again, of which it is not known whether it was stored.
    let isInDoubt = last > stored && id != nil && self.id == id
    if let keptOutUntil, keptOutUntil > now, stored <= done, !isInDoubt { return .repeated }
    if unique.onRepeat.kind == .keep {
      if isInDoubt {
        doubtfulUntil = now.adding(Self.doubt)
        return .publish(number: last, notBefore: due)
      }
      if holds { return .repeated }
      if last > stored, let doubtfulUntil, doubtfulUntil > now { return .repeated }
    }
    // By the time, so that numbers grow also when the record has gone meanwhile.
    last = max(last + 1, now.wholeMilliseconds)
    self.id = id
    doubtfulUntil = now.adding(Self.doubt)
    let notBefore = putOff(due, by: unique.onRepeat.longestDelay, now)
    if let notBefore { latestDue = max(latestDue ?? notBefore, notBefore) }
    return .publish(number: last, notBefore: notBefore)
  }

  /// When the new copy is due.
  private mutating func putOff(_ due: Date?, by longest: Duration?, _ now: Date) -> Date? {
    guard let longest else {
      first = nil
      return due
    }
    if let first, now < first.adding(longest) { return due.map { min($0, first.adding(longest)) } }
    if first != nil, stored > done, overdue ?? 0 <= done { overdue = stored }
    first = now
    return due.map { min($0, now.adding(longest)) }
  }

  /// Notes that a copy was stored.
  mutating func note(stored number: Int64) {
    stored = max(stored, number)
    if stored >= last { doubtfulUntil = nil }
  }

  /// Notes that a copy was not stored: the key is as free as before.
  mutating func note(failed number: Int64) {
    if number == last, number > stored { doubtfulUntil = nil }
  }

  /// Whether a copy that a worker has is to be handled; otherwise it is superseded.
  mutating func begin(_ number: Int64) -> Bool {
    if number <= done { return false }
    if number == overdue { return true }
    if number < stored { return false }
    // A worker has it: so it was stored, whatever its publisher knows.
    note(stored: number)
    if deleted == number { deleted = nil }
    first = nil
    return true
  }

  /// Whether the queue has a copy that is to be handled, as far as is known.
  private var holds: Bool { stored > done && stored != deleted }

  /// Notes that an operator has deleted a copy: if it is the newest, the key is free, without a window.
  mutating func note(deleted number: Int64) {
    guard number == stored, stored > done else { return }
    deleted = number
    first = nil
  }

  /// Notes that a copy was handled.
  mutating func finish(_ number: Int64, window: Duration, now: Date) {
    done = max(done, number)
    if done >= stored {
      first = nil
      keptOutUntil = now.adding(window)
    }
  }

  /// From when on the record may be forgotten; `nil` while the queue has a job with the key. Superseded copies may still lie in the queue
  /// after that, and come out some time after they are due.
  func expiry(now: Date) -> Date? {
    if holds { return nil }
    let times = [keptOutUntil, doubtfulUntil, latestDue].compactMap(\.self)
    return times.reduce(now, max).adding(.seconds(86_400))
  }
}
