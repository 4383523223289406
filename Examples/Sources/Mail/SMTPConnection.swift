internal import CCurl
internal import Foundation

/// A handle of libcurl with the connection that it keeps. One thread at a time may use it.
///
/// Unchecked, because the mailer gives it to one thread at a time.
final class SMTPConnection: @unchecked Sendable {
  private let handle: UnsafeMutableRawPointer?
  /// libcurl's own set-up, once in a process.
  private static let setUp = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

  init() {
    _ = Self.setUp
    handle = curl_easy_init()
  }

  deinit { curl_easy_cleanup(handle) }

  func send(
    _ text: [UInt8], from: MailAddress, to: MailAddress, by server: SMTPServer, _ cancellation: Cancellation
  ) -> Result<Void, MailError> {
    guard let handle else { return .failure(MailError(.temporary, "libcurl could not be started")) }
    let transfer = Transfer(text, cancellation)
    // Forgets all options, and keeps the connection.
    curl_easy_reset(handle)
    let recipients = curl_slist_append(nil, "<\(to.address)>")
    defer { curl_slist_free_all(recipients) }
    let codes =
      [ccurl_set_list(handle, CURLOPT_MAIL_RCPT, recipients)]
      + strings(server, from).map { ccurl_set_string(handle, $0, $1) }
      + numbers(server).map { ccurl_set_long(handle, $0, $1) }
    if let code = codes.first(where: { $0 != CURLE_OK }) {
      return .failure(MailError(.invalid, "libcurl refuses a setting: \(String(cString: curl_easy_strerror(code)))"))
    }
    let context = Unmanaged.passUnretained(transfer).toOpaque()
    _ = ccurl_set_upload_size(handle, Int64(text.count))
    _ = ccurl_set_read(
      handle, { buffer, size, count, context in Transfer.of(context).read(buffer, size * count) }, context)
    _ = ccurl_set_debug(
      handle, { _, kind, text, length, context in Transfer.of(context).note(kind, text, length) }, context)
    _ = ccurl_set_progress(handle, { context, _, _, _, _ in Transfer.of(context).isCancelled ? 1 : 0 }, context)
    return withExtendedLifetime(transfer) { transfer.outcome(curl_easy_perform(handle), server) }
  }

  private func strings(_ server: SMTPServer, _ from: MailAddress) -> [(CURLoption, String)] {
    let scheme = server.security == .tls ? "smtps" : "smtp"
    let host = server.host.contains(":") && !server.host.hasPrefix("[") ? "[\(server.host)]" : server.host
    var options = [
      // The path is the name that EHLO says; libcurl's own choice is the machine's short name, which servers refuse.
      (CURLOPT_URL, "\(scheme)://\(host):\(server.port)/\(from.domain)"),
      (CURLOPT_MAIL_FROM, "<\(from.address)>"),
      // Nothing of what a server says can lead elsewhere.
      (CURLOPT_PROTOCOLS_STR, scheme),
    ]
    if let login = server.login { options += [(CURLOPT_USERNAME, login.user), (CURLOPT_PASSWORD, login.password)] }
    if let authorities = server.authorities { options.append((CURLOPT_CAINFO, authorities)) }
    return options
  }

  private func numbers(_ server: SMTPServer) -> [(CURLoption, Int)] {
    let security =
      switch server.security {
      case .tls, .startTLS: CURLUSESSL_ALL
      case .opportunistic: CURLUSESSL_TRY
      case .none: CURLUSESSL_NONE
      }
    return [
      (CURLOPT_UPLOAD, 1),
      (CURLOPT_USE_SSL, Int(security.rawValue)),
      // Signals belong to the process, not to one of its threads.
      (CURLOPT_NOSIGNAL, 1),
      (CURLOPT_TIMEOUT_MS, server.timeout.wholeMilliseconds),
      (CURLOPT_CONNECTTIMEOUT_MS, server.answerTimeout.wholeMilliseconds),
      // Whole seconds, rounded up: 0 would be without a limit.
      (CURLOPT_SERVER_RESPONSE_TIMEOUT, (server.answerTimeout.wholeMilliseconds + 999) / 1000),
      (CURLOPT_LOW_SPEED_LIMIT, 1),
      (CURLOPT_LOW_SPEED_TIME, (server.answerTimeout.wholeMilliseconds + 999) / 1000),
      // A connection that has rested for long is mostly dead on the other side.
      (CURLOPT_MAXAGE_CONN, 60),
    ]
  }
}

/// One mail on its way: what is left to send, and what the server said last.
private final class Transfer {
  private let text: [UInt8]
  private let cancellation: Cancellation
  private var sent = 0
  /// The last command that was sent, such as `RCPT`; empty before the first.
  private var command = ""
  private static let commands: Set = ["EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
  /// The server's answer to it.
  private var answer: [String] = []
  private var isLeaving = false

  init(_ text: [UInt8], _ cancellation: Cancellation) {
    self.text = text
    self.cancellation = cancellation
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Transfer {
    guard let context else { preconditionFailure("libcurl gave back no context") }
    return Unmanaged.fromOpaque(context).takeUnretainedValue()
  }

  var isCancelled: Bool { cancellation.isSet }

  func read(_ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
    let count = min(capacity, text.count - sent)
    guard let buffer, count > 0 else { return 0 }
    text.withUnsafeBytes { bytes in
      UnsafeMutableRawBufferPointer(start: buffer, count: count).copyMemory(
        from: .init(rebasing: bytes[sent..<sent + count]))
    }
    sent += count
    return count
  }

  /// Notes a line of the conversation; of commands only their first word.
  func note(_ kind: curl_infotype, _ text: UnsafeMutablePointer<CChar>?, _ length: Int) -> CInt {
    // After a refusal libcurl takes its leave with QUIT: what counts was said before that.
    guard let text, kind == CURLINFO_HEADER_OUT || kind == CURLINFO_HEADER_IN, !isLeaving else { return 0 }
    let line = String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
    if kind == CURLINFO_HEADER_OUT {
      // Other lines answer a question of the server's during a login: they hold passwords, and are part of AUTH.
      if let word = line.split(whereSeparator: \.isWhitespace).first, Self.commands.contains(String(word)) {
        if word == "QUIT" { isLeaving = true } else { (command, answer) = (String(word), []) }
      }
    } else if answer.count < 10 {
      answer.append(String(line.prefix(500)).trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return 0
  }

  func outcome(_ code: CURLcode, _ server: SMTPServer) -> Result<Void, MailError> {
    if code == CURLE_OK { return .success(()) }
    if code == CURLE_ABORTED_BY_CALLBACK {
      return .failure(MailError(.cancelled, "the mail was given up: its task was cancelled"))
    }
    let place = "\(server.host):\(server.port)"
    guard let reply = answer.last.flatMap({ Int($0.prefix(3)) }), reply >= 400 else {
      let reason = String(cString: curl_easy_strerror(code))
      return .failure(MailError(.temporary, "the mail server \(place) did not take the mail: \(reason)"))
    }
    let isAboutTheMail = ["MAIL", "RCPT", "DATA"].contains(command)
    let words = answer.filter { $0.hasPrefix("\(reply)") }.joined(separator: " ")
    let what =
      switch command {
      case "": "refuses connections"
      case "MAIL": "refuses the sender"
      case "RCPT": "refuses the recipient"
      case "DATA": "refuses the mail"
      case "AUTH": "refuses the login"
      default: "refuses \(command)"
      }
    return .failure(
      MailError(
        reply >= 500 && isAboutTheMail ? .permanent : .temporary, "the mail server \(place) \(what): \(words)",
        replyCode: reply))
  }
}

extension Duration {
  fileprivate var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    // A day is more than any mail takes.
    return max(1, Int(min(seconds, 86_400)) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }
}
