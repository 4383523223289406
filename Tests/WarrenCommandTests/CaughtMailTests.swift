import Foundation
import Testing

@testable import WarrenCommand

/// The mail server of `warren dev`.
@Suite struct CaughtMailTests {
  private let time = Date(timeIntervalSince1970: 0)

  /// What a client that says these lines gets.
  private func talk(_ lines: String...) -> (replies: [String], mails: [CaughtMail]) {
    var session = SMTPSession()
    var (replies, mails): ([String], [CaughtMail]) = ([], [])
    for line in lines {
      for step in session.receive(Data(line.utf8), at: time) {
        switch step {
        case .reply(let text): replies.append(String(text.prefix(3)))
        case .mail(let mail): mails.append(mail)
        case .close: replies.append("closed")
        }
      }
    }
    return (replies, mails)
  }

  @Test("a mail is taken whole, without the dots that the protocol adds")
  func takesMail() {
    let (replies, mails) = talk(
      "EHLO here", "MAIL FROM:<a@example.org> SIZE=10", "RCPT TO:<b@example.org>", "rcpt to:<c@example.org>", "DATA",
      "Subject: hello", "", "..dot", "QUIT", ".", "QUIT")
    #expect(replies == ["250", "250", "250", "250", "354", "250", "221", "closed"])
    #expect(mails.map(\.recipients) == [["b@example.org", "c@example.org"]])
    #expect(mails.map { String(decoding: $0.source, as: UTF8.self) } == ["Subject: hello\r\n\r\n.dot\r\nQUIT\r\n"])
  }

  @Test("commands in another order, or others, get an error and no mail")
  func order() {
    #expect(
      talk("DATA", "RCPT TO:<a@b>", "MAIL FROM a", "FLY", "AUTH PLAIN x").replies == [
        "503", "503", "501", "500", "502",
      ])
    let forgotten = talk("MAIL FROM:<>", "RCPT TO:<a@b>", "RSET", "DATA")
    #expect(forgotten.replies == ["250", "250", "250", "503"] && forgotten.mails.isEmpty)
  }

  @Test("headers with folds and encoded words, and the part of plain text, are read")
  func reads() {
    let source = """
      Subject: =?utf-8?B?R3LDvMOfZSw=?=\r
       =?utf-8?Q?_zwei?=\r
      Content-Type: multipart/alternative; boundary="x-y"\r
      \r
      --x-y\r
      Content-Type: text/html\r
      \r
      <b>no</b>\r
      --x-y\r
      Content-Type: text/plain; charset=utf-8\r
      Content-Transfer-Encoding: quoted-printable\r
      \r
      Gr=C3=BC=C3=9Fe, =\r
      100=25\r
      --x-y--\r

      """
    let mail = CaughtMail(time: time, recipients: [], source: Data(source.utf8))
    #expect(mail.header("subject") == "Grüße, zwei")
    #expect(mail.text.trimmingCharacters(in: .newlines) == "Grüße, 100%")
    let bare = CaughtMail(time: time, recipients: [], source: Data("no header here".utf8))
    #expect(bare.header("Subject").isEmpty)
  }

  @Test("the page escapes what a mail says") func escapes() {
    #expect(MailPage.escaped("<script>\"&") == "&lt;script&gt;&quot;&amp;")
  }

  @Test("the last mails are kept") func keeps() {
    let box = MailBox()
    for number in 0..<(MailBox.limit + 2) {
      box.add(CaughtMail(time: time, recipients: ["\(number)"], source: Data()))
    }
    #expect(box.all.count == MailBox.limit && box.all.first?.number == MailBox.limit + 2)
    #expect(box[2] == nil && box[3]?.recipients == ["2"])
  }
}
