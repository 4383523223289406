internal import ArgumentParser
internal import Foundation
internal import Warren

/// How the command ends, for scripts.
enum ExitStatus: Int32, Error {
  /// Done.
  case done = 0
  /// An error; of `status` and `doctor`: something is not well.
  case failure = 1
  /// The command was not understood, or needs an answer that nobody can give.
  case usage = 2
  /// Done with some and not with others.
  case partial = 3
  /// Nothing there is called so, or matches.
  case nothing = 4
  /// The broker cannot be reached.
  case unreachable = 5

  /// What an error means for a script, after it was told to the person.
  static func of(_ error: any Error) -> ExitStatus {
    switch error {
    case let status as ExitStatus: return status
    case let complaint as Complaint:
      Talk.error(complaint.description)
      return complaint.status
    case let error as BrokerError:
      let complaint = Complaint(error)
      Talk.error(complaint.description)
      return complaint.status
    case is CancellationError: return .failure
    default: break
    }
    // The parser's own: help and completion scripts go to stdout and are no error.
    let text = RootCommand.fullMessage(for: error)
    if RootCommand.exitCode(for: error) == .success {
      print(text)
      return .done
    }
    Talk.say(text)
    return RootCommand.exitCode(for: error) == .validationFailure ? .usage : .failure
  }

  func end() -> Never { exit(rawValue) }
}

/// An error of the command itself: what is wrong, what to do next, and how the command ends.
struct Complaint: Error, CustomStringConvertible {
  var status: ExitStatus
  var text: String
  var next: String?

  init(_ status: ExitStatus, _ text: String, next: String? = nil) {
    self.status = status
    self.text = text
    self.next = next
  }

  /// An engine's error, which names its mend; here it gets the command for it.
  init(_ error: BrokerError) {
    let status: ExitStatus
    var next: String?
    switch error.code {
    case .unavailable, .deadline, .notRunning, .stopped:
      status = .unreachable
      next = "look with `warren doctor`"
    case .notFound:
      status = .nothing
      next = "see what there is with `warren queue ls` and `warren dead ls`"
    case .unroutable:
      status = .nothing
      next = "see what there is with `warren queue ls`"
    case .invalid: status = .usage
    case .unknownOutcome:
      status = .failure
      next = "see whether it happened with `warren status`, then do it again"
    default: status = .failure
    }
    self.init(status, error.message, next: next)
  }

  var description: String { next.map { "\(text)\n  next: \($0)" } ?? text }
}
