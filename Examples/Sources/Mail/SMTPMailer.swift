internal import Foundation
internal import NIOPosix
internal import Synchronization

/// Sends mails through an SMTP server, with libcurl.
///
/// libcurl's calls block, so they run on threads of their own, one for each connection. A connection is kept for the next
/// mail. Mails beyond ``SMTPServer/connections`` wait for their turn.
public final class SMTPMailer: Mailer {
  private let server: SMTPServer
  private let threads: NIOThreadPool
  private let idle = Mutex<[SMTPConnection]>([])

  /// A mailer. It connects with the first mail.
  public init(_ server: SMTPServer) {
    self.server = server
    threads = NIOThreadPool(numberOfThreads: server.connections)
    threads.start()
  }

  deinit { threads.shutdownGracefully { _ in } }

  /// Sends a mail. Returns when the server has taken it over (its 250 after the text).
  ///
  /// An answer of 4xx, and a server that cannot be reached or does not answer in time, is `temporary`. An answer of 5xx to the
  /// sender, the recipient or the text is `permanent`; to anything before that, such as the login, it is about the server and
  /// not about this mail, so it is `temporary`. A cancelled task ends the mail within about a second.
  public func send(_ mail: Mail) async throws(MailError) {
    let text = try MessageWriter.text(of: mail)
    let cancelled = Cancellation()
    let result: Result<Void, MailError>
    do {
      result = try await withTaskCancellationHandler {
        try await threads.runIfActive { [server] in
          let connection = self.idle.withLock { $0.popLast() } ?? SMTPConnection()
          defer { self.idle.withLock { $0.append(connection) } }
          return connection.send(Array(text.utf8), from: mail.from, to: mail.to, by: server, cancelled)
        }
      } onCancel: {
        cancelled.set()
      }
    } catch {
      throw MailError(.cancelled, "the mail was not sent: the mailer is being closed")
    }
    try result.get()
  }
}

/// Whether a mail is wanted no more.
final class Cancellation: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
