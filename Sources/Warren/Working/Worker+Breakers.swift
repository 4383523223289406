extension Subscription {
  /// Leaves the queue alone while what its handlers need is down, instead of having all of its messages fail.
  ///
  /// ```swift
  /// Subscription("notification.booking", on: "shop", to: "booking.*") {
  ///   On(BookingCreated.self) { event, context in try await mailer.send(event) }
  /// }
  /// .breaker("mail-server")
  /// ```
  /// When too many messages fail the breaker opens: this worker takes nothing more from the queues that name the dependency, and what is
  /// in them stays where it is and costs no attempt. After a pause one message tries. When that succeeds the work goes on; when it fails
  /// that costs no attempt, unless it was the same message as the last time, and the pause is twice as long.
  ///
  /// - Parameters:
  ///   - dependency: what it keeps away from. Queues of one worker that name the same share the breaker, and need the same rule.
  ///   - rule: when it opens, and for how long.
  ///   - isFailure: which errors are the dependency's. By default all after which the message is to be tried again; not those by which a
  ///     handler decides itself (``Outcome``, `.retry()` aside), nor a message that cannot be decoded.
  public func breaker(
    _ dependency: DependencyName, _ rule: BreakerRule = .standard,
    failsOn isFailure: (@Sendable (any Error) -> Bool)? = nil
  ) -> Self {
    with(BreakerPlan(dependency: dependency, rule: rule, isFailure: isFailure))
  }
}

extension On {
  /// Leaves the queue of these jobs alone while what their handler needs is down: see
  /// ``Subscription/breaker(_:_:failsOn:)``. All handlers of the queue count. For events write it behind the subscription.
  public func breaker(
    _ dependency: DependencyName, _ rule: BreakerRule = .standard,
    failsOn isFailure: (@Sendable (any Error) -> Bool)? = nil
  ) -> Self {
    var copy = self
    copy.breaker = BreakerPlan(dependency: dependency, rule: rule, isFailure: isFailure)
    return copy
  }
}

extension Worker {
  /// One breaker for each dependency that the plans name.
  ///
  /// - Throws: ``BrokerError/Code/invalid`` when two rules differ.
  static func checkBreakers(of plans: [QueuePlan]) throws(BrokerError) {
    var rules: [DependencyName: BreakerRule] = [:]
    for breaker in plans.compactMap(\.breaker) {
      try breaker.rule.validate(breaker.dependency)
      if let other = rules[breaker.dependency], other != breaker.rule {
        throw BrokerError(
          .invalid,
          "the breaker '\(breaker.dependency)' has two rules: queues that name the same dependency need the same rule")
      }
      rules[breaker.dependency] = breaker.rule
    }
  }

  /// The breakers of one run, with the watches that keep the store's records of them.
  func makeBreakers() -> (breakers: [DependencyName: Breaker], watches: [BreakerWatch]) {
    var breakers: [DependencyName: Breaker] = [:]
    for plan in plans {
      guard let breaker = plan.breaker, breakers[breaker.dependency] == nil else { continue }
      breakers[breaker.dependency] = Breaker(
        breaker.dependency, breaker.rule, worker: name, clock: clock, logger: logger)
    }
    guard let store else { return (breakers, []) }
    let watches = breakers.values.map { breaker in
      BreakerWatch(
        breaker: breaker, queues: plans.filter { $0.breaker?.dependency == breaker.dependency }.map(\.queue),
        store: store, clock: clock, logger: logger)
    }
    return (breakers, watches)
  }
}
