internal import Foundation

/// Which delay buckets a message goes through.
///
/// A bucket is a queue, so their number must stay small, and a hop costs the broker about 60 µs, so the hops must be few:
/// up to a second every step of 50 ms has a bucket of its own, and above that there are some twenty for each power of ten. A
/// round delay, such as those of a retry policy, thus takes one hop, and any other below a minute at most three.
enum Delays {
  /// What delays are rounded up to, in milliseconds.
  static let grid = 50
  private static let second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour
  /// Up to and including `end`, every multiple of `step` that is above the scale before has a bucket. The last ends below
  /// the largest timer of the broker.
  private static let scales: [(step: Int, end: Int)] = [
    (grid, second), (second / 2, 10 * second), (5 * second, minute), (minute, 10 * minute), (10 * minute, hour),
    (hour, day), (day, 24 * day),
  ]

  /// The bucket for a message that is due in so many milliseconds, and whether its time will not have come after it.
  static func bucket(for milliseconds: Int) -> (bucket: Int, isEarly: Bool) {
    let rounded = (max(1, milliseconds) + grid - 1) / grid * grid
    let (step, end) = scales.first { rounded <= $0.end } ?? (day, 24 * day)
    let bucket = min(rounded / step * step, end)
    return (bucket, bucket < rounded)
  }

  /// Milliseconds from `now` until `due`, rounded up: never early.
  static func milliseconds(from now: Date, until due: Date) -> Int {
    let seconds = due.timeIntervalSince(now)
    return seconds > 0 ? Int(min(seconds * 1000, 1e15).rounded(.up)) : 0
  }
}
