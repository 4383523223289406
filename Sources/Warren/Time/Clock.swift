public import Foundation

/// The time that messages go by, so that tests can turn it. Times of day, because delays outlive a process.
public protocol BrokerClock: Sendable {
  /// The time of day.
  var now: Date { get }
  /// Returns when `now` has reached `time`, or somewhat later; throws when the task is cancelled.
  func sleep(until time: Date) async throws
}

/// The machine's clock.
public struct SystemClock: BrokerClock {
  /// The clock.
  public init() {}
  /// The time of day.
  public var now: Date { Date() }
  /// Sleeps in pieces of at most a minute, so that a clock that is set forward does not oversleep by more.
  public func sleep(until time: Date) async throws {
    while true {
      let left = time.timeIntervalSince(now)
      // A time that is no number is over, too.
      guard left > 0 else { return try Task.checkCancellation() }
      try await Task.sleep(for: .seconds(min(left, 60)), tolerance: .zero)
    }
  }
}
