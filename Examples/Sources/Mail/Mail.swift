public import Foundation

/// One mail to one recipient.
///
/// One recipient, because a server that refuses one of several leaves it open what became of the others.
public struct Mail: Sendable, Equatable {
  /// What identifies it. It becomes the Message-ID, so whatever sends the same mail again after a crash takes the same id, and
  /// mail programs show it once.
  public var id: String
  /// Who it comes from.
  public var from: MailAddress
  /// Who it goes to.
  public var to: MailAddress
  /// The subject: one line in any script.
  public var subject: String
  /// The text for programs that show no HTML.
  public var text: String
  /// The HTML; without it the mail is text only.
  public var html: String?
  /// When it was written. The same for each try.
  public var date: Date

  /// A mail.
  public init(
    id: String, from: MailAddress, to: MailAddress, subject: String, text: String, html: String? = nil, date: Date
  ) {
    self.id = id
    self.from = from
    self.to = to
    self.subject = subject
    self.text = text
    self.html = html
    self.date = date
  }
}

/// Sends mails.
public protocol Mailer: Sendable {
  /// Sends a mail. Returns when the server has taken it over.
  ///
  /// - Throws: ``MailError``; its kind tells whether another try can help.
  func send(_ mail: Mail) async throws(MailError)
}
