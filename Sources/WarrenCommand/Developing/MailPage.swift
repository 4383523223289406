internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import WarrenDashboard

/// The pages with the mails that were taken. They show text only: nothing of a mail is ever run or fetched.
struct MailPage: Sendable {
  let box: MailBox

  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("") { request, _ in page(request, "Mails", refreshes: true) { list() } }
    router.get("style.css") { _, _ in
      Self.response(.ok, "text/css; charset=utf-8", Self.style)
    }
    router.get("mails/:number") { request, context -> Response in
      guard let number = context.parameters.get("number", as: Int.self), let mail = box[number] else {
        return page(request, "No such mail", .notFound) {
          "<p>There is no such mail: the last \(MailBox.limit) are kept. <a href=\"/\">All mails</a></p>"
        }
      }
      return page(request, mail.header("Subject")) { Self.one(mail) }
    }
    return router
  }

  private func list() -> String {
    let mails = box.all
    if mails.isEmpty {
      return
        "<p>No mail yet. What an application sends to the address of SMTP_URL is shown here, and delivered nowhere.</p>"
    }
    let rows = mails.map { number, mail in
      """
      <tr><td>\(Self.time(mail.time))</td><td>\(Self.escaped(mail.recipients.joined(separator: ", ")))</td>\
      <td><a href="/mails/\(number)">\(Self.escaped(Self.subject(mail)))</a></td></tr>
      """
    }
    return
      "<table><thead><tr><th>Came</th><th>To</th><th>Subject</th></tr></thead><tbody>\(rows.joined())</tbody></table>"
  }

  private static func one(_ mail: CaughtMail) -> String {
    let headers = ["From", "To", "Subject", "Date", "Message-ID"].map { name in
      "<tr><th>\(name)</th><td>\(escaped(mail.header(name)))</td></tr>"
    }
    return """
      <p><a href="/">All mails</a></p><table>\(headers.joined())</table><pre>\(escaped(mail.text))</pre>
      <details><summary>As it came</summary><pre>\(escaped(String(decoding: mail.source, as: UTF8.self)))</pre></details>
      """
  }

  private static func subject(_ mail: CaughtMail) -> String {
    let subject = mail.header("Subject")
    return subject.isEmpty ? "(no subject)" : subject
  }

  private func page(
    _ request: Request, _ title: String, _ status: HTTPResponse.Status = .ok, refreshes: Bool = false,
    _ content: () -> String
  ) -> Response {
    // A page of another site could let its own name point here.
    guard DashboardServer.isThisMachine(request.head.authority) else {
      return Self.response(
        .forbidden, "text/plain; charset=utf-8", "Only for this machine: ask by the name localhost.\n")
    }
    let refresh = refreshes ? "<meta http-equiv=\"refresh\" content=\"3\">" : ""
    return Self.response(
      status, "text/html; charset=utf-8",
      """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>\(Self.escaped(title))</title>\(refresh)\
      <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css"></head>\
      <body><main><h1>\(Self.escaped(title))</h1>\(content())</main></body></html>
      """)
  }

  private static func response(_ status: HTTPResponse.Status, _ type: String, _ text: String) -> Response {
    Response(
      status: status,
      headers: [
        .contentType: type, .contentSecurityPolicy: "default-src 'none'; style-src 'self'; base-uri 'none'",
        .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
      ], body: .init(byteBuffer: ByteBuffer(string: text)))
  }

  private static func time(_ date: Date) -> String {
    "<time>\(date.formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space)))</time>"
  }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static let style = """
    :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
    main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
    table { border-collapse: collapse; width: 100%; }
    th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
    pre { padding: .8rem; border: 1px solid #8884; border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
    time { white-space: nowrap; }
    """
}
