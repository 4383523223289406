package import Foundation
internal import GRDB
package import Mail
internal import Synchronization
internal import WarrenGRDB

/// Sends mails, each once.
///
/// That a mail was sent is noted after the mail server has taken it. So a job that comes a second time sends nothing, unless
/// the worker died between the two: then the mail goes out again with the same Message-ID.
package final class MailRepository: Sendable {
  private let mailer: any Mailer
  private let writer: GroupedWriter
  /// The mails that are being sent by this process.
  private let underWay = Mutex<Set<String>>([])

  init(mailer: any Mailer, writer: GroupedWriter) {
    self.mailer = mailer
    self.writer = writer
  }

  /// Sends a mail and notes it. Returns `false` when it was sent before.
  ///
  /// - Throws: ``MailError``; what the database throws.
  package func sendOnce(_ mail: Mail) async throws -> Bool {
    guard underWay.withLock({ $0.insert(mail.id).inserted }) else {
      throw MailError(.temporary, "the same mail is being sent: what becomes of it is known soon")
    }
    defer { underWay.withLock { _ = $0.remove(mail.id) } }
    if try await isSent(mail.id) { return false }
    try await mailer.send(mail)
    let (id, now) = (mail.id, Date.now.timeIntervalSince1970)
    // The note is written although a stop cancels the task: the mail is sent.
    try await Task { [writer] in
      try await writer.write { db in
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO sentMails VALUES (?, ?)").execute(arguments: [id, now])
      }
    }.value
    return true
  }

  private func isSent(_ id: String) async throws -> Bool {
    try await writer.database.read { db in
      try Bool.fetchOne(
        db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM sentMails WHERE mailId = ?)"), arguments: [id]) ?? false
    }
  }

  /// Forgets notes that are older than any job that could come again.
  package func forget(before time: Date) async throws {
    let time = time.timeIntervalSince1970
    try await writer.write { db in
      try db.execute(sql: "DELETE FROM sentMails WHERE sentAt < ?", arguments: [time])
    }
  }
}
