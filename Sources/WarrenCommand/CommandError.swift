internal import Warren

/// An error of the command itself: what is wrong, what to do next, and how the command ends.
struct CommandError: Error, CustomStringConvertible {
  var status: ExitStatus
  var text: String
  var next: String?

  init(_ status: ExitStatus, _ text: String, next: String? = nil) {
    self.status = status
    self.text = text
    self.next = next
  }

  /// An engine's error, which names its fix; here it gets the command for it.
  init(_ error: BrokerError) {
    let status: ExitStatus
    var next: String?
    switch error.code {
    case .unavailable, .deadline, .notRunning, .stopped: status = .unreachable
    case .notFound:
      status = .nothing
      next = "see what there is with `warren queue ls` and `warren dead ls`"
    case .unroutable:
      status = .nothing
      next = "see what there is with `warren queue ls`"
    case .invalid, .ambiguous: status = .usage
    case .unknownOutcome:
      status = .failure
      next = "see whether it happened with `warren status`, then do it again"
    default: status = .failure
    }
    self.init(status, error.message, next: next)
  }

  /// Runs `body`, and when it finds no such thing names the command that lists what there is.
  static func naming<Result>(_ command: String, _ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch let error as BrokerError where error.code == .notFound {
      throw CommandError(.nothing, error.message, next: "see what there is with `\(command)`")
    }
  }

  /// What was written is not all of it.
  init(_ failure: StandardStream.Failure) {
    self.init(.failure, "the output cannot be written: \(failure)", next: "check the disk or the program that reads it")
  }

  var description: String { next.map { "\(text)\n  next: \($0)" } ?? text }
}
