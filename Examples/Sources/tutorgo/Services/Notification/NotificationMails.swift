internal import Foundation
internal import Mail
internal import TutorGoMessaging
internal import Warren

/// Sends notifications as mails.
struct NotificationMails: Sendable {
  let mailer: any Mailer
  let from: MailAddress

  /// A mail server that cannot be reached says nothing about the mail, so that costs no attempt; what it refuses for good is a
  /// dead letter at once. Everything else is tried again as the document says.
  var retry: RetryPolicy {
    Layout.retry.on(MailError.self) { error in
      switch error.kind {
      case .permanent, .invalid: .deadLetter(error.message)
      case .cancelled: .release
      default: error.replyCode == nil ? .postpone(for: .seconds(5)) : .retry()
      }
    }
  }

  func send(_ notification: Notification, to contact: Contact) async throws {
    let mail = Mail(
      id: notification.notificationId, from: from, to: try MailAddress(contact.email, name: contact.name),
      subject: notification.subject, text: "Hello \(contact.name),\n\n\(notification.message)\n\nTutorGo\n",
      date: notification.createdAt)
    try await mailer.send(mail)
  }
}

extension Subscription {
  /// While the mail server is away the queue waits.
  func waitingForMailServer() -> Self {
    breaker("mail", BreakerRule(failures: 1, of: 5, longestPause: .seconds(30))) {
      // Only a server that cannot be reached is down; one that answers is not, whatever it answers.
      guard let error = $0 as? MailError else { return false }
      return error.kind == .temporary && error.replyCode == nil
    }
  }
}
