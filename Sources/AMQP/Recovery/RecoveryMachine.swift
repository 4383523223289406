import NIOCore

/// What follows when a connection could not be opened, or was lost. It decides; others connect, wait and log.
struct RecoveryMachine: Sendable {
  enum Decision: Sendable, Equatable {
    /// It is tried again after a pause.
    case retry(after: Duration)
    /// The broker refuses what only a user can correct. It is tried again all the same, with long pauses.
    case retryRefused(after: Duration)
    case giveUp
  }

  private let policy: AMQPRecoveryPolicy
  private var backoff: Backoff
  /// Whether the connection was ever open.
  private(set) var wasOpen = false
  private var openSince: NIODeadline?
  private var lostAt: NIODeadline?

  init(_ policy: AMQPRecoveryPolicy) {
    self.policy = policy
    backoff = Backoff(policy)
  }

  /// Whether the connection is open as far as this machine was told.
  var isOpen: Bool { openSince != nil }

  /// The connection is open. Returns how long it was away; `nil` the first time.
  mutating func opened(_ now: NIODeadline) -> Duration? {
    wasOpen = true
    openSince = now
    defer { lostAt = nil }
    return lostAt.map { .nanoseconds((now - $0).nanoseconds) }
  }

  /// The connection was lost, or could not be opened.
  mutating func ended(
    _ error: AMQPError, _ now: NIODeadline, using generator: inout some RandomNumberGenerator
  ) -> Decision {
    if let since = openSince {
      openSince = nil
      lostAt = now
      backoff.wasOpen(for: .nanoseconds((now - since).nanoseconds))
    }
    guard policy.isEnabled else { return .giveUp }
    if wasOpen {
      // It was right once: passwords come back, certificates are being replaced, a load balancer has a bad minute.
      if policy.givesUpOnRefusal, error.needsCorrection { return .giveUp }
    } else {
      guard policy.retriesFirstConnect, !error.needsCorrection else { return .giveUp }
    }
    let isRefusal = wasOpen && error.isRefusal
    guard let pause = backoff.next(isLong: isRefusal, using: &generator) else { return .giveUp }
    return isRefusal ? .retryRefused(after: pause) : .retry(after: pause)
  }
}

extension AMQPError {
  /// Whether the broker refuses the user or the virtual host.
  var isRefusal: Bool { code == .authenticationFailed || code == .virtualHostRefused }

  /// Whether trying again helps only after a user has corrected something, as far as the error tells.
  var needsCorrection: Bool {
    let codes: Set<Code> = [
      .authenticationFailed, .virtualHostRefused, .versionMismatch, .invalidConfiguration, .invalidArgument, .tlsFailed,
    ]
    // A declaration that contradicts what is there will do so again.
    return codes.contains(code) || (code == .channelClosedByServer && !isRetryable)
  }
}
