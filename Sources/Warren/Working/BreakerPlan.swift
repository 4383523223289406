/// That a queue has a circuit breaker, and which errors it counts.
struct BreakerPlan: Sendable {
  let dependency: DependencyName
  let rule: BreakerRule
  /// Which errors are failures of the dependency; `nil`: those after which the message is tried again.
  let isFailure: (@Sendable (any Error) -> Bool)?

  /// What an error of a handler says about the dependency.
  func result(of error: any Error, policy: RetryPolicy) -> BreakerMachine.Result {
    if error is Undecodable { return .unknown }
    let kind = policy.outcome(for: error).kind
    if case .complete = kind { return .success }
    if let isFailure, !(error is Outcome) { return isFailure(error) ? .failure : .unknown }
    switch kind {
    case .retry: return isFailure == nil ? .failure : .unknown
    // A handler that says so itself knows why; a rule for an error says what to do after a failure.
    case .postponeUntil, .postponeFor, .pause: return error is Outcome ? .unknown : .failure
    case .complete: return .success
    case .deadLetter, .release: return .unknown
    }
  }
}
