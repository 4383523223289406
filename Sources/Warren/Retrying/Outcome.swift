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
public struct Outcome: Error, Sendable, Equatable, CustomStringConvertible {
  enum Kind: Sendable, Equatable {
    case complete
    case retry(after: Duration?)
    case deadLetter(String)
    case release
    case postponeUntil(Date)
    case postponeFor(Duration)
    case pause(until: Date)
  }
  let kind: Kind

  /// Done.
  public static let complete = Outcome(kind: .complete)
  /// A failed attempt, to be tried again after this time, or, with `nil`, when the policy says. When no retry is left, a
  /// dead letter.
  public static func retry(after delay: Duration? = nil) -> Outcome { Outcome(kind: .retry(after: delay)) }
  /// A dead letter at once, whatever retries are left.
  public static func deadLetter(_ reason: String) -> Outcome { Outcome(kind: .deadLetter(reason)) }
  /// Back to the queue at once; costs no attempt. It is what a stop in good order does.
  public static let release = Outcome(kind: .release)
  /// Later; costs no attempt. For a message whose time has not come.
  public static func postpone(until time: Date) -> Outcome { Outcome(kind: .postponeUntil(time)) }
  /// Later; costs no attempt. For a service that answers "too many requests" and says how long to wait.
  public static func postpone(for time: Duration) -> Outcome { Outcome(kind: .postponeFor(time)) }
  /// Back to the queue, and this worker takes nothing more from the queue before this time; costs no attempt, and touches no
  /// other message. For a service that is down, or that says with `Retry-After` when to come back.
  public static func pause(until time: Date) -> Outcome { Outcome(kind: .pause(until: time)) }

  /// As it is written: `deadLetter("no address")`.
  public var description: String { "\(kind)" }
}

/// An error that knows what should become of the message, such as one that carries `Retry-After`. It is heard like an ``Outcome``, also
/// from a handler that throws it after its timeout or after the deadline of a stop.
public protocol OutcomeError: Error {
  /// What should become of the message. A rule of the ``RetryPolicy`` for the error's type goes before it.
  var outcome: Outcome { get }
}
