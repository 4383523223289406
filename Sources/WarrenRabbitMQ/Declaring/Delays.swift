internal import Foundation

/// Which delay buckets a message goes through.
///
/// A bucket is a queue, so their number must stay small; all queues share them (see ``TopologyApplier/declareRelay(of:)`` for how
/// none can hold up another). A hop costs the broker about 60 µs and the worker a copy, so the hops must be few. The 44 buckets
/// stand so close that a retry, which may be up to a quarter late, takes one hop, and a round delay too; any other goes through
/// a few, each longer than all that is left after it.
enum Delays {
  /// What delays are rounded up to, in milliseconds.
  static let grid = 50
  private static let second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour
  /// In ascending order. The last ends below the largest timer of the broker.
  static let buckets: [Int] =
    [50, 100, 200, 300, 500, 750] + [2, 3, 4, 6, 8, 10, 16, 20, 30, 40, 60, 90].map { $0 * second / 2 }
    + [2, 3, 4, 6, 10, 16, 20, 30, 40, 60, 90].map { $0 * minute / 2 }
    + [2, 3, 4, 6, 8, 12, 16, 24, 36].map { $0 * hour / 2 } + [1, 2, 4, 8, 16, 24].map { $0 * day }

  /// The bucket for a message that is due in so many milliseconds, and whether its time will not have come after it.
  ///
  /// - Parameter mayBeLate: Whether a quarter more is as good, as it is for a retry. Otherwise a thousandth is.
  static func bucket(for milliseconds: Int, mayBeLate: Bool = false) -> (bucket: Int, isEarly: Bool) {
    let wait = max(1, milliseconds)
    let late = max(grid, mayBeLate ? wait / 4 : wait / 1000)
    if let bucket = buckets.first(where: { $0 >= wait }), bucket - wait <= late { return (bucket, false) }
    // The first is reached by rounding up, so there is one below.
    return (buckets.last { $0 < wait } ?? buckets[0], true)
  }

  /// Milliseconds from `now` until `due`, rounded up: never early.
  static func milliseconds(from now: Date, until due: Date) -> Int {
    let seconds = due.timeIntervalSince(now)
    return seconds > 0 ? Int(min(seconds * 1000, 1e15).rounded(.up)) : 0
  }
}
