internal import Foundation

/// Which moments the local times of a zone are. Moments are seconds since 1970 UTC; a local time is the same count for what a
/// clock on the wall shows.
struct LocalTime: Sendable {
  private let zone: TimeZone

  /// A zone of the tz database.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when there is none of this name.
  init(zone name: String) throws(BrokerError) {
    guard let zone = TimeZone(identifier: name) else {
      throw BrokerError(
        .invalid,
        "there is no time zone '\(name.prefix(60))': name one of the tz database, such as Europe/Berlin or UTC")
    }
    self.zone = zone
  }

  /// The first moment after `moment` that the expression means.
  ///
  /// An expression with a particular time of day comes once a day: at the end of a gap that its time falls into, and at the first
  /// of two occurrences. One with `*` in its minute or hour goes by what the clock shows: not in a gap, and twice in what comes
  /// twice. This is Vixie cron's rule.
  func next(_ expression: CronExpression, after moment: Int) -> Int? {
    expression.isOpen ? nextShown(expression, after: moment) : nextOfDay(expression, after: moment)
  }

  private func nextShown(_ expression: CronExpression, after moment: Int) -> Int? {
    var from = moment + 1
    while true {
      let offset = offset(at: from)
      guard let minute = expression.next(from: -(-(from + offset)).quotient(by: 60)) else { return nil }
      let found = minute * 60 - offset
      guard let change = change(after: from, through: found) else { return found }
      from = change
    }
  }

  private func nextOfDay(_ expression: CronExpression, after moment: Int) -> Int? {
    var minute = (moment + offset(at: moment)).quotient(by: 60) + 1
    while let found = expression.next(from: minute) {
      let candidate = self.moment(of: found * 60)
      if candidate > moment { return candidate }
      minute = found + 1
    }
    return nil
  }

  /// When a local time is: the first time that it is, and the end of the gap where it is not at all.
  private func moment(of local: Int) -> Int {
    let (before, after) = (local - 86_400, local + 86_400)
    for offset in [offset(at: before), offset(at: after)] where self.offset(at: local - offset) == offset {
      return local - offset
    }
    return change(after: before, through: after) ?? local - offset(at: after)
  }

  /// The first moment after `first` with another offset than that has; `nil` when there is none up to `last`.
  private func change(after first: Int, through last: Int) -> Int? {
    let offset = offset(at: first)
    var known = first
    while known < last {
      var other = min(known + 86_400, last)
      if self.offset(at: other) == offset {
        known = other
        continue
      }
      while other - known > 1 {
        let middle = known + (other - known) / 2
        if self.offset(at: middle) == offset { known = middle } else { other = middle }
      }
      return other
    }
    return nil
  }

  private func offset(at moment: Int) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment)))
  }
}
