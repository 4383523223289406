public import Foundation
public import Mail

/// How a system sends its mails, by the environment.
public enum MailSettings {
  /// The mailer: by `SMTP_URL`, or files under `DATA/mail/` without it.
  public static func mailer(
    data: URL, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(MailError) -> any Mailer {
    guard let url = environment["SMTP_URL"], !url.isEmpty else {
      return try FileMailer(folder: data.appending(path: "mail"))
    }
    do { return SMTPMailer(try SMTPServer(url: url)) } catch {
      throw MailError(.invalid, "SMTP_URL: \(error.message)")
    }
  }

  /// Who the mails come from: `MAIL_FROM`, such as `Cinema <tickets@cinema.example>` or an address alone.
  public static func sender(
    default address: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(MailError) -> MailAddress {
    guard let text = environment["MAIL_FROM"], !text.isEmpty else { return try MailAddress(address) }
    do {
      guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else { return try MailAddress(text) }
      let name = text[..<open].trimmingCharacters(in: .whitespaces)
      return try MailAddress(String(text[text.index(after: open)...].dropLast()), name: name)
    } catch {
      throw MailError(.invalid, "MAIL_FROM: \(error.message)")
    }
  }
}
