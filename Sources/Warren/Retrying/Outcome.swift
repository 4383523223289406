public import Foundation

/// How a delivery ends.
///
/// A handler that returns completes; one that throws is judged by the ``RetryPolicy``. A handler that knows better throws
/// an outcome itself:
///
/// ```swift
/// On(SendEmail.self) { job, context in
///   guard job.to.contains("@") else { throw Outcome.deadLetter("no address: \(job.to)") }
///   …
/// }
/// ```
public enum Outcome: Error, Sendable, Equatable {
  /// Done.
  case complete
  /// A failed attempt, to be tried again after this time, or, with `nil`, when the policy says. When no retry is left, a
  /// dead letter.
  case retry(after: Duration? = nil)
  /// A dead letter at once, whatever retries are left.
  case deadLetter(String)
  /// Back to the queue at once; costs no attempt. It is what a stop in good order does.
  case release
  /// Later; costs no attempt: a limit was reached, a service asks for patience.
  case postpone(until: Date)
  /// Back to the queue, and this worker takes nothing more from the queue before this time; costs no attempt, and touches no
  /// other message. For a service that is down, or that says with `Retry-After` when to come back.
  case pause(until: Date)
}

/// An error that knows what should become of the message, such as one that carries `Retry-After`.
public protocol OutcomeError: Error {
  /// What should become of the message. A rule of the ``RetryPolicy`` for the error's type goes before it.
  var outcome: Outcome { get }
}
