internal import Foundation

/// The times of a ``Recurrence``, read and checked.
struct Ticks: Sendable {
  private enum Kind {
    case cron(CronExpression, LocalTime)
    case interval(seconds: Int)
  }
  private let kind: Kind

  init(_ recurrence: Recurrence) throws(BrokerError) {
    switch recurrence.kind {
    case .cron(let expression, let zone): kind = .cron(try CronExpression(expression), try LocalTime(zone: zone))
    case .interval(let interval):
      let (seconds, fraction) = interval.components
      guard fraction == 0, (1...36_525 * 86_400).contains(seconds) else {
        throw BrokerError(
          .invalid, "an interval of \(interval.words) is not possible: whole seconds are, from one to a hundred years")
      }
      kind = .interval(seconds: Int(seconds))
    }
  }

  /// The first after a time; `nil` when none comes.
  func next(after time: Date) -> Date? {
    let moment = Int(time.clamped.timeIntervalSince1970.rounded(.down))
    let next: Int? =
      switch kind {
      case .cron(let expression, let zone): zone.next(expression, after: moment)
      case .interval(let seconds): (moment.quotient(by: seconds) + 1) * seconds
      }
    return next.map { Date(timeIntervalSince1970: Double($0)) }
  }

  /// The last `count` of those after `first` and not after `last`, in order. It looks back no further than it has to.
  func last(_ count: Int, after first: Date, through last: Date) -> [Date] {
    var span = 3600.0
    while true {
      let from = max(first, last.addingTimeInterval(-span))
      var found: [Date] = []
      var tick = next(after: from)
      while let next = tick, next <= last {
        found.append(next)
        // So that the longest absence costs no memory.
        if found.count > 2 * count + 1000 { found.removeFirst(found.count - count) }
        tick = self.next(after: next)
      }
      if found.count >= count || from <= first { return found.suffix(count) }
      span *= 8
    }
  }
}
