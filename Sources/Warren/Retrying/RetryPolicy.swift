/// When a failed message is tried again, and when it gives up.
///
/// `retries: 3` means three tries after the first.
///
/// ```swift
/// .exponential(from: .seconds(1), retries: 3)               // after 1, 2 and 4 s
///   .jitter(0.2)
///   .on(InvalidAddress.self) { .deadLetter("\($0)") }
///   .on(TooManyRequests.self) { .retry(after: $0.retryAfter) }
/// ```
public struct RetryPolicy: Sendable {
  private enum Schedule: Sendable {
    case exponential(first: Duration, factor: Double, maximum: Duration)
    case linear(step: Duration, maximum: Duration)
    case fixed([Duration])
  }
  private var schedule: Schedule
  private var jitter = 0.0
  private var rules: [@Sendable (any Error) -> Outcome?] = []

  /// How many tries follow the first.
  public private(set) var retries: Int

  /// Exponential from 1 s, 5 retries: after 1, 2, 4, 8 and 16 s.
  public static let standard: RetryPolicy = .exponential(from: .seconds(1), retries: 5)
  /// The first failure is the last.
  public static let none: RetryPolicy = .fixed([])

  /// `from`, then each time `factor` times as long, up to `maximum`.
  public static func exponential(
    from first: Duration, factor: Double = 2, retries: Int, maximum: Duration = .seconds(3600)
  ) -> RetryPolicy {
    RetryPolicy(
      schedule: .exponential(first: first, factor: max(1, factor), maximum: maximum), retries: max(0, retries))
  }
  /// `step`, twice, three times `step`, and so on, up to `maximum`.
  public static func linear(
    step: Duration, retries: Int, maximum: Duration = .seconds(3600)
  ) -> RetryPolicy {
    RetryPolicy(schedule: .linear(step: step, maximum: maximum), retries: max(0, retries))
  }
  /// These delays, one a retry.
  public static func fixed(_ delays: [Duration]) -> RetryPolicy {
    RetryPolicy(schedule: .fixed(delays), retries: delays.count)
  }

  private init(schedule: Schedule, retries: Int) {
    self.schedule = schedule
    self.retries = retries
  }

  /// Spreads each delay by up to this fraction (0 to 1), longer or shorter, so that messages that failed together do not
  /// come back together.
  public func jitter(_ fraction: Double) -> RetryPolicy {
    var policy = self
    policy.jitter = min(max(fraction, 0), 1)
    return policy
  }

  /// What becomes of the message when an error of this type is thrown. The first rule that fits decides.
  public func on<E: Error>(_ type: E.Type, _ decide: @escaping @Sendable (E) -> Outcome) -> RetryPolicy {
    var policy = self
    policy.rules.append { ($0 as? E).map(decide) }
    return policy
  }

  /// The delay after the failed attempt with this number, from 1, before any spreading; `nil` when none follows.
  public func delay(afterAttempt attempt: Int) -> Duration? {
    guard attempt >= 1, attempt <= retries else { return nil }
    switch schedule {
    case .fixed(let delays): return delays[attempt - 1]
    case .linear(let step, let maximum): return min(step * attempt, maximum)
    case .exponential(let first, let factor, let maximum):
      var delay = first
      for _ in 1..<attempt {
        if delay >= maximum { break }
        delay = delay * factor
      }
      return min(delay, maximum)
    }
  }

  /// All delays that it can ask for, unspread: an engine may prepare for them.
  public var delays: [Duration] { (1..<(retries + 1)).compactMap { delay(afterAttempt: $0) } }

  /// The delay after a failed attempt, spread; `nil` when none follows.
  func spreadDelay(afterAttempt attempt: Int) -> Duration? {
    guard let delay = delay(afterAttempt: attempt) else { return nil }
    return jitter == 0 ? delay : delay * Double.random(in: (1 - jitter)...(1 + jitter))
  }

  /// What a rule, or the error itself, says; `.retry()` when neither does.
  func outcome(for error: any Error) -> Outcome {
    for rule in rules { if let outcome = rule(error) { return outcome } }
    if let outcome = error as? Outcome { return outcome }
    if let error = error as? any OutcomeError { return error.outcome }
    return .retry()
  }
}
