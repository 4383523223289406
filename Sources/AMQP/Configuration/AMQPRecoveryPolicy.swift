/// How a connection comes back after it was lost.
public struct AMQPRecoveryPolicy: Sendable, Hashable {
  /// Whether a lost connection is opened again at all.
  public var isEnabled: Bool
  /// The upper bound of the first pause. Pauses are random between zero and a bound that doubles.
  public var firstBound: Duration
  /// The bound stops doubling here.
  public var lastBound: Duration
  /// How long a connection must have been open before the next loss starts with the first bound again.
  public var stableAfter: Duration
  /// How many attempts in a row may fail before the connection gives up for good. `nil` is without end.
  public var maxAttempts: Int?
  /// Whether the very first connection is tried again too when no endpoint answers, or has no room. If not, `run()` throws. Wrong
  /// credentials, virtual hosts and certificates end `run()` either way, as long as nothing has worked yet.
  public var retriesFirstConnect: Bool
  /// Whether a refusal that only a user can correct ends `run()` after the connection was open once: credentials, virtual host,
  /// certificates, a peer that does not speak AMQP. By default it does not. Passwords come back, certificates are being
  /// replaced, an authentication backend is down for a minute: the refusal is logged as an error and the connection is tried
  /// again with long pauses.
  public var givesUpOnRefusal: Bool

  /// Full jitter from 100 ms to 30 s, without end; the first connection fails at once.
  public init(
    isEnabled: Bool = true, firstBound: Duration = .milliseconds(100), lastBound: Duration = .seconds(30),
    stableAfter: Duration = .seconds(10), maxAttempts: Int? = nil, retriesFirstConnect: Bool = false,
    givesUpOnRefusal: Bool = false
  ) {
    self.isEnabled = isEnabled
    self.firstBound = firstBound
    self.lastBound = lastBound
    self.stableAfter = stableAfter
    self.maxAttempts = maxAttempts
    self.retriesFirstConnect = retriesFirstConnect
    self.givesUpOnRefusal = givesUpOnRefusal
  }

  /// No recovery: the first loss ends `run()`.
  public static let none = AMQPRecoveryPolicy(isEnabled: false)

  /// The same pauses, and never an end.
  var withoutEnd: AMQPRecoveryPolicy {
    var policy = self
    policy.maxAttempts = nil
    return policy
  }
}

/// Pauses with full jitter: random between nothing and a bound that doubles, so that many clients do not return in step.
struct Backoff: Sendable {
  private let policy: AMQPRecoveryPolicy
  /// Failed attempts in a row.
  private(set) var attempts = 0

  init(_ policy: AMQPRecoveryPolicy) { self.policy = policy }

  /// The next pause, or `nil` when the attempts are used up. A long one is between half of the last bound and all of it.
  mutating func next(isLong: Bool = false, using generator: inout some RandomNumberGenerator) -> Duration? {
    if let most = policy.maxAttempts, attempts >= most { return nil }
    defer { attempts += 1 }
    if isLong { return policy.lastBound * Double.random(in: 0.5...1, using: &generator) }
    var bound = min(policy.firstBound, policy.lastBound)
    for _ in 0..<min(attempts, 40) where bound < policy.lastBound { bound = min(bound * 2, policy.lastBound) }
    return bound * Double.random(in: 0...1, using: &generator)
  }

  /// Tells that a connection ended that had been open for `duration`.
  mutating func wasOpen(for duration: Duration) {
    if duration >= policy.stableAfter { attempts = 0 }
  }
}
