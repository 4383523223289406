public import Foundation
internal import Synchronization

/// Lets a key do something so many times in a window: logins of an address, codes of an account.
///
/// It counts in this process, and holds a bounded number of keys: beyond that it forgets those whose window ends first.
public final class RateLimiter: Sendable {
  private struct Window {
    var ends: Date
    var count: Int
  }
  private let limit: Int
  private let window: TimeInterval
  private let capacity: Int
  private let now: @Sendable () -> Date
  private let windows = Mutex<[String: Window]>([:])

  /// - Parameters:
  ///   - limit: how many times.
  ///   - seconds: how long the window is; it begins with the first time.
  ///   - capacity: how many keys are held.
  ///   - now: the clock.
  public init(
    _ limit: Int, per seconds: TimeInterval, capacity: Int = 10_000, now: @escaping @Sendable () -> Date = { .now }
  ) {
    self.limit = limit
    window = seconds
    self.capacity = capacity
    self.now = now
  }

  /// Counts one time. Returns `nil` where that is allowed, and else for how many more seconds it is not.
  public func take(_ key: String) -> Int? {
    let now = now()
    return windows.withLock { windows in
      if let current = windows[key], current.ends > now {
        if current.count >= limit { return max(1, Int(current.ends.timeIntervalSince(now).rounded(.up))) }
        windows[key]?.count += 1
        return nil
      }
      if windows.count >= capacity { Self.makeRoom(&windows, now) }
      windows[key] = Window(ends: now.addingTimeInterval(window), count: 1)
      return nil
    }
  }

  /// Forgets a key, such as after a login that was right.
  public func reset(_ key: String) { windows.withLock { _ = $0.removeValue(forKey: key) } }

  private static func makeRoom(_ windows: inout [String: Window], _ now: Date) {
    windows = windows.filter { $0.value.ends > now }
    // A tenth at once, so that a flood of new keys does not sort them all each time.
    let surplus = windows.sorted { $0.value.ends < $1.value.ends }.prefix(windows.count / 10 + 1)
    for (key, _) in surplus { windows[key] = nil }
  }
}
