internal import Foundation

/// Decides what becomes of a delivery. It is pure: no clock, no engine, no task; the worker does what it says.
struct Judge: Sendable {
  /// The name of the worker, for the record.
  let worker: String
  /// How long a job waits for a worker that has a handler of its name.
  var unknownNamePatience: Duration = .seconds(900)
  /// How often workers may die with it in all before it is parked.
  static let deathsUntilParked = 5

  /// What is to be done with a delivery before it is handled; `nil`: handle it.
  func settlement(before delivery: Delivery, now: Date) -> Settlement? {
    let deaths = delivery.history.interruptions
    if delivery.isSuspect, deaths >= Self.deathsUntilParked {
      return park(
        delivery, .crashLooping, "\(deaths) workers died while they held it, the last ones with nothing else", now)
    }
    if !delivery.isSuspect, deaths >= History.interruptionsUntilSuspect { return .isolate }
    if let expiry = delivery.message.expiresAt, expiry <= now {
      return park(delivery, .expired, "it was to be handled by \(expiry.clamped.formatted(.iso8601))", now)
    }
    return nil
  }

  /// What is to be done with a delivery whose body cannot be unpacked.
  func settlement(packed delivery: Delivery, _ error: GZipError, now: Date) -> Settlement {
    park(delivery, .undecodable, error.description, now, error)
  }

  /// What is to be done with a delivery for which there is no handler; `nil`: complete it.
  func settlement(unhandled delivery: Delivery, _ name: MessageName, _ unhandled: Subscription.Unhandled?, now: Date)
    -> Settlement?
  {
    switch unhandled {
    case .ignore?: nil
    case .park?: park(delivery, .unhandled, "no handler of '\(delivery.queue)' takes '\(name)'", now)
    case nil: waitForHandler(delivery, name, now)
    }
  }

  /// A job that no handler takes: a newer worker may, once its deployment has finished. When it was first met stands in its
  /// record, as a failure that is no attempt.
  private func waitForHandler(_ delivery: Delivery, _ name: MessageName, _ now: Date) -> Settlement {
    let met = delivery.history.failures.first { $0.error == Self.unknownName }?.time
    let waited = met.map { Duration.clamped(seconds: now.timeIntervalSince($0)) } ?? .zero
    // To the millisecond: times are stored as milliseconds.
    if waited + .milliseconds(1) > unknownNamePatience {
      let waiting = waited > .seconds(1) ? ", for \(waited.words)" : ""
      return park(delivery, .unknownName, "no handler of '\(delivery.queue)' takes the job '\(name)'\(waiting)", now)
    }
    var history = delivery.history
    if met == nil {
      history.note(
        Failure(
          time: now, attempt: 0, error: Self.unknownName, message: "no handler takes the job '\(name)' yet",
          worker: worker))
    }
    // Soon at first, then at most each minute, and not after the end.
    let pause = min(max(.seconds(5), waited), .seconds(60), unknownNamePatience - waited)
    return .retry(at: now.adding(pause), history)
  }
  private static let unknownName = "UnknownName"

  /// What is to be done after a handler threw.
  func settlement(after error: any Error, of delivery: Delivery, policy: RetryPolicy, now: Date) -> Settlement {
    if let error = error as? Undecodable { return park(delivery, .undecodable, error.description, now, error) }
    let attempt = delivery.history.nextAttempt
    switch policy.outcome(for: error).kind {
    case .complete: return .complete
    case .release, .pause: return .release
    case .postponeUntil(let time): return .postpone(until: time.clamped)
    case .postponeFor(let time): return .postpone(until: now.adding(max(.zero, time)))
    case .deadLetter(let reason):
      return park(delivery, .rejected, reason, now, error, attempt: attempt)
    case .retry(let after):
      guard attempt <= policy.retries, let delay = after ?? policy.spreadDelay(afterAttempt: attempt) else {
        return park(delivery, .exhausted, "\(type(of: error)): \(text(error))", now, error, attempt: attempt)
      }
      let history = noting(error, attempt: attempt, of: delivery, now)
      return .retry(at: now.adding(max(.zero, delay)), history)
    }
  }

  /// What is to be done instead with a delivery that failed because what it needs is down, as is known: it waits, and that was no attempt.
  func settlement(sparing settlement: Settlement, until time: Date) -> Settlement {
    switch settlement {
    case .retry: .postpone(until: time)
    case .deadLetter(let reason, _) where reason.kind == .exhausted: .postpone(until: time)
    default: settlement
    }
  }

  /// What is to be done with a delivery whose handler an operator asked to end.
  func settlement(cancelled delivery: Delivery, now: Date) -> Settlement {
    park(delivery, .cancelled, "its handler was asked to end", now)
  }

  private func park(
    _ delivery: Delivery, _ kind: DeadLetterReason.Kind, _ detail: String, _ now: Date, _ error: (any Error)? = nil,
    attempt: Int? = nil
  ) -> Settlement {
    let history = error.map { noting($0, attempt: attempt, of: delivery, now) } ?? delivery.history
    return .deadLetter(DeadLetterReason(kind, detail), history)
  }

  private func noting(_ error: any Error, attempt: Int?, of delivery: Delivery, _ now: Date) -> History {
    var history = delivery.history
    history.attempts = attempt ?? history.attempts
    history.note(
      Failure(
        time: now, attempt: attempt ?? 0, error: "\(type(of: error))", message: text(error), worker: worker))
    return history
  }

  private func text(_ error: any Error) -> String {
    if case .deadLetter(let reason)? = (error as? Outcome)?.kind { return reason }
    return "\(error)"
  }
}
