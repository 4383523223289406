internal import BackstageBus
internal import Foundation
internal import Logging
internal import Mail
internal import Warren

/// Sends the mails of `email.queue`. It keeps nothing, so any number of its processes may run.
///
/// A task is acknowledged when the mail server has taken its mail, and not before.
struct EmailService: ServiceContent {
  let mailer: any Mailer
  let from: MailAddress
  var store: ServiceStore? { nil }

  @WorkerBuilder func handlers() -> [WorkerComponent] {
    On(SendEmail.self) { email, context in
      guard let id = context.message.id else {
        throw Outcome.deadLetter("the task has no id for its mail's Message-ID")
      }
      do {
        try await mailer.send(
          Mail(
            id: id.rawValue, from: from, to: try MailAddress(email.to, name: email.name), subject: email.subject,
            text: Self.text(email), html: Self.html(email), date: context.message.timestamp ?? .now))
      } catch let error as MailError {
        throw Self.outcome(of: error)
      }
      context.logger.info("Mail sent")
    }
    .concurrency(8)
  }

  static func text(_ email: SendEmail) -> String { "Hello \(email.name),\n\n\(email.message)\n\nBackstage\n" }

  static func html(_ email: SendEmail) -> String {
    "<p>Hello \(escaped(email.name)),</p>\n<p>\(escaped(email.message))</p>\n<p>Backstage</p>\n"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }

  /// A mail server that is busy is asked again after growing pauses. One that cannot be reached says nothing about the mail, so
  /// that costs no attempt. What it refuses for good is a dead letter at once, with its answer.
  private static func outcome(of error: MailError) -> any Error {
    switch error.kind {
    case .permanent, .invalid: Outcome.deadLetter(error.message)
    case .cancelled: Outcome.release
    default: error.replyCode == nil ? Outcome.postpone(for: .seconds(10)) : error
    }
  }
}
