internal import Foundation
internal import Mail
internal import Warren

/// The one queue of the system.
enum Layout {
  /// What is to be mailed.
  static let emails: Queue = "email_queue"

  /// A mail server that is busy is asked again after growing pauses, for about a day in all. One that cannot be reached at all
  /// says nothing about the mail, so that costs no attempt. What it refuses for good is a dead letter at once, with its answer.
  static let retry = RetryPolicy.exponential(from: .seconds(2), retries: 30)
    .jitter(0.1)
    .on(MailError.self) { error in
      switch error.kind {
      case .permanent, .invalid: .deadLetter(error.message)
      case .cancelled: .release
      default: error.replyCode == nil ? .postpone(until: Date.now.addingTimeInterval(10)) : .retry()
      }
    }

  /// All of it. API and worker both apply it before they serve.
  static func topology() throws -> Topology { try Topology(jobs: [CodeMail.self, Email.self]) }
}
