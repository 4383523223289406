public import Foundation

/// The time that messages go by, so that tests can turn it. Times of day, because delays outlive a process.
///
/// A time of day can be set back or forward while a program runs. What lasts for so long, and is not due at a time, goes by
/// ``elapsed`` and ``sleep(untilElapsed:)``, which nothing sets.
public protocol BrokerClock: Sendable {
  /// The time of day.
  var now: Date { get }
  /// Returns when `now` has reached `time`, or somewhat later; throws when the task is cancelled.
  func sleep(until time: Date) async throws
  /// How much time has passed since some moment in the past, always the same one. By default it goes by the time of day.
  var elapsed: Duration { get }
  /// Returns when ``elapsed`` has reached `end`; throws when the task is cancelled. By default it goes by the time of day.
  func sleep(untilElapsed end: Duration) async throws
}

extension BrokerClock {
  /// See the requirement.
  public var elapsed: Duration { .clamped(seconds: now.timeIntervalSince1970) }
  /// See the requirement.
  public func sleep(untilElapsed end: Duration) async throws { try await sleep(until: now.adding(end - elapsed)) }
  /// Returns when so much time has passed, whatever the time of day is set to; throws when the task is cancelled.
  public func sleep(for duration: Duration) async throws {
    try await sleep(untilElapsed: elapsed + duration.bounded)
  }
}

/// The machine's clock.
public struct SystemClock: BrokerClock {
  /// The clock.
  public init() {}
  /// The time of day.
  public var now: Date { Date() }
  /// The time that has passed since this process asked first, whatever the time of day is set to.
  public var elapsed: Duration { ContinuousClock.now - Self.start }
  private static let start = ContinuousClock.now
  /// Sleeps as long as that takes, at most a hundred years.
  public func sleep(untilElapsed end: Duration) async throws {
    let left = end - elapsed
    guard left > .zero else { return try Task.checkCancellation() }
    try await Task.sleep(for: min(left, .seconds(36_525 * 86_400)), tolerance: .zero)
  }
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
