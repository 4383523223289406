internal import Foundation
internal import Logging
internal import Mail
internal import Warren

/// Writes and sends the mails. A message is acknowledged when the mail server has taken its mail, and not before.
struct MailHandlers: Sendable {
  let mailer: any Mailer
  let from: MailAddress

  func worker(on broker: any Broker, options: Worker.Options = .init(), logger: Logger) throws -> Worker {
    try Worker(broker, name: "movie-booking-worker", options: options, logger: logger) {
      On(CodeMail.self) { mail, context in
        try await send(mail.template, mail.data, to: mail.data.to, name: mail.data.name, context)
      }
      .concurrency(4)
      On(Email.self) { mail, context in
        try await send(mail.template, mail.data, to: mail.data.to, name: mail.data.name, context)
      }
      .concurrency(4)
    }
  }

  private func send(
    _ template: String, _ content: some Encodable, to: String, name: String, _ context: HandlerContext
  ) async throws {
    guard let id = context.message.id else {
      throw Outcome.deadLetter("the message has no id for its mail's Message-ID")
    }
    let texts = try MailTemplates.render(template, content)
    try await mailer.send(
      Mail(
        id: id.rawValue, from: from, to: try MailAddress(to, name: name), subject: texts.subject, text: texts.text,
        html: texts.html, date: context.message.timestamp ?? .now))
    context.logger.info("Mail sent", metadata: ["template": "\(template)", "id": "\(id)"])
  }
}
