/// When a failed message is tried again, and when it gives up.
///
/// `retries: 3` means three tries after the first.
///
/// ```swift
/// .exponential(from: .seconds(1), retries: 3)               // after 1, 2 and 4 s
///   .jitter(0.2)
///   .on(InvalidAddress.self) { .deadLetter("\($0)") }
///   .on(TooManyRequests.self) { .postpone(for: $0.retryAfter) }
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
  /// What it was asked for and cannot be meant; a worker refuses it.
  private var mistake: String?

  /// How many tries follow the first.
  public private(set) var retries: Int

  /// Ten retries over three and a half hours: after 2 s, then each time three times as long, up to an hour, spread by a fifth.
  /// A service that is away for an hour is back by then, and what failed together does not come back together.
  public static let standard: RetryPolicy = .exponential(
    from: .seconds(2), factor: 3, retries: 10, maximum: .seconds(3600)
  ).jitter(0.2)
  /// The first failure is the last.
  public static let none: RetryPolicy = .fixed([])

  /// `from`, then each time `factor` times as long, up to `maximum`.
  public static func exponential(
    from first: Duration, factor: Double = 2, retries: Int, maximum: Duration = .seconds(3600)
  ) -> RetryPolicy {
    var policy = RetryPolicy(
      schedule: .exponential(first: first, factor: factor >= 1 ? factor : 1, maximum: maximum), retries: retries)
    if !(factor >= 1) {
      policy.mistake = "a factor of \(factor): give 1 or more, so that no delay is shorter than the one before"
    }
    return policy
  }
  /// `step`, twice, three times `step`, and so on, up to `maximum`.
  public static func linear(
    step: Duration, retries: Int, maximum: Duration = .seconds(3600)
  ) -> RetryPolicy {
    RetryPolicy(schedule: .linear(step: step, maximum: maximum), retries: retries)
  }
  /// These delays, one a retry.
  public static func fixed(_ delays: [Duration]) -> RetryPolicy {
    RetryPolicy(schedule: .fixed(delays), retries: delays.count)
  }

  private init(schedule: Schedule, retries: Int) {
    self.schedule = schedule
    self.retries = max(0, retries)
    if retries < 0 { mistake = "\(retries) retries: give a number from zero on" }
  }

  /// Spreads each delay by up to this fraction (0 to 1), longer or shorter, so that messages that failed together do not
  /// come back together.
  public func jitter(_ fraction: Double) -> RetryPolicy {
    var policy = self
    policy.jitter = fraction >= 0 ? min(fraction, 1) : 0
    if !(0...1).contains(fraction) {
      policy.mistake = "a jitter of \(fraction): give a fraction from 0 to 1, such as 0.2"
    }
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
    case .linear(let step, let maximum): return min(step.times(Double(attempt)), maximum)
    case .exponential(let first, let factor, let maximum):
      return min(.clamped(seconds: first.seconds * power(factor, attempt - 1)), maximum)
    }
  }

  /// By squaring, so that no attempt's number takes long; infinite where it grows beyond all numbers.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0
    var (square, rest) = (base, exponent)
    while rest > 0, result.isFinite {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }

  /// All delays that it can ask for, before any spreading; the first thousand of them.
  public var delays: [Duration] { (0..<min(retries, 1000)).compactMap { delay(afterAttempt: $0 + 1) } }

  /// Throws ``BrokerError/Code/invalid`` for what cannot be meant.
  func validate(_ what: @autoclosure () -> String) throws(BrokerError) {
    if let mistake { throw BrokerError(.invalid, "the retry policy of \(what()) has \(mistake)") }
    let lengths: [Duration] =
      switch schedule {
      case .fixed(let delays): delays
      case .linear(let step, let maximum): [step, maximum]
      case .exponential(let first, _, let maximum): [first, maximum]
      }
    guard let shortest = lengths.min(), shortest < .zero else { return }
    throw BrokerError(
      .invalid, "the retry policy of \(what()) has a delay of \(shortest.words): give a time from zero on")
  }

  /// The delay after a failed attempt, spread; `nil` when none follows.
  func spreadDelay(afterAttempt attempt: Int) -> Duration? {
    guard let delay = delay(afterAttempt: attempt) else { return nil }
    return jitter == 0 ? delay : delay.times(Double.random(in: (1 - jitter)...(1 + jitter)))
  }

  /// What becomes of a message whose handler throws this: what a rule, or the error itself, says; `.retry()` when neither does, which
  /// is a dead letter when no retry is left. A test can ask it what an error of the application means.
  public func outcome(for error: any Error) -> Outcome {
    // A handler that throws an outcome has decided: a rule for any error is not meant for that.
    if let outcome = error as? Outcome { return outcome }
    for rule in rules { if let outcome = rule(error) { return outcome } }
    if let error = error as? any OutcomeError { return error.outcome }
    return .retry()
  }
}
