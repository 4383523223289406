import Foundation
import Testing

@testable import Mail

@Suite struct MessageWriterTests {
  private func mail(
    id: String = "booking-7", name: String? = nil, subject: String = "Your booking", text: String = "Hello",
    html: String? = nil
  ) throws -> Mail {
    Mail(
      id: id, from: try MailAddress("tickets@cinema.example", name: "Cinema"),
      to: try MailAddress("ada@example.org", name: name),
      subject: subject, text: text, html: html, date: Date(timeIntervalSince1970: 1_795_685_400))
  }

  private func lines(_ mail: Mail) throws -> [String] {
    try MessageWriter.text(of: mail).components(separatedBy: "\r\n")
  }

  @Test("a mail has the headers that servers look for, and is the same at each try")
  func headers() throws {
    let lines = try lines(mail(name: "Ada Lovelace"))
    #expect(
      lines.prefix(9) == [
        "Date: Thu, 26 Nov 2026 09:30:00 +0000", "From: Cinema <tickets@cinema.example>",
        "To: Ada Lovelace <ada@example.org>", "Subject: Your booking", "Message-ID: <booking-7@cinema.example>",
        "MIME-Version: 1.0", "Auto-Submitted: auto-generated", "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
      ])
    #expect(try MessageWriter.text(of: mail()) == MessageWriter.text(of: mail()))
  }

  @Test(
    "subjects and names in other scripts are encoded in short words, and decode to what they were")
  func encodedWords() throws {
    let subject = "Ihre Plätze für „Größe“ — 映画のチケット 🎟️ 👨‍👩‍👧‍👦 und noch einmal dasselbe: Ihre Plätze für „Größe“"
    let text = try MessageWriter.text(of: mail(name: "Ádá \"the\" Lovelace, Esq.", subject: subject))
    #expect(text.utf8.allSatisfy { $0 < 128 })
    #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    #expect(decodedHeader("Subject", in: text) == subject)
    #expect(decodedHeader("To", in: text) == "Ádá \"the\" Lovelace, Esq. <ada@example.org>")
  }

  @Test(
    "a control character in a header is refused",
    arguments: ["Hi\r\nBcc: eve@example.org", "Hi\nBcc: x", "tab\there", "nul\0", "del\u{7F}", "c1\u{85}"])
  func controlCharacters(subject: String) throws {
    #expect(throws: MailError.self) { try MessageWriter.text(of: mail(subject: subject)) }
    #expect(throws: MailError.self) { try MailAddress("ada@example.org", name: subject) }
  }

  @Test("the id of a mail cannot break out of its Message-ID")
  func messageID() throws {
    let text = try MessageWriter.text(of: mail(id: "a b>\r\nBcc: eve@example.org"))
    #expect(text.contains("Message-ID: <a.20b.3e.d.aBcc.3a.20eve.40example.2eorg@cinema.example>\r\n"))
    #expect(!text.contains("\r\nBcc"))
    #expect(throws: MailError.self) { try MessageWriter.text(of: mail(id: "")) }
  }

  @Test("lines are short, and a line of dots or From is one that no server changes")
  func quotedPrintable() throws {
    let long = String(repeating: "ä=x ", count: 5_000)
    let body = ".\n..\nFrom here\n-- \n \ntab\t\n\(long)\r\nlast"
    let text = QuotedPrintable.encode(body)
    let lines = text.components(separatedBy: "\r\n")
    #expect(
      lines.allSatisfy { $0.utf8.count <= 76 && !$0.hasPrefix(".") && !$0.hasPrefix("From ") && !$0.hasSuffix(" ") })
    #expect(decoded(text) == body.replacing("\r\n", with: "\n") + "\n")
  }

  @Test("text and HTML are alternatives of one mail")
  func alternatives() throws {
    let text = try MessageWriter.text(of: mail(html: "<p>Hällo</p>"))
    #expect(text.contains("Content-Type: multipart/alternative; boundary=\"=_"))
    #expect(text.components(separatedBy: "\r\n--=_").count == 4)
    #expect(text.contains("<p>H=C3=A4llo</p>"))
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "ada", "@example.org", "ada@", "ada@@example.org", "a da@example.org", "ada@exa mple.org", "ada@-x.org",
      "ada@x..org",
      "ada@example.org>\r\nRCPT TO:<eve@example.org", "<ada@example.org>", "\"ada\"@example.org", ".ada@example.org",
      "a..b@example.org", "ädä@example.org", "ada@exämple.org", "ada,eve@example.org", "ada@[127.0.0.1]",
      String(repeating: "a", count: 65) + "@example.org", "a@" + String(repeating: "b", count: 64) + ".org",
      "ada@example.org\n", "ada\u{7F}@example.org",
    ])
  func addresses(text: String) {
    #expect { try MailAddress(text) } throws: { ($0 as? MailError)?.kind == .invalid }
  }

  @Test(
    "addresses as people have them are taken",
    arguments: ["ada+tag@mail.example.org", "o'brien@xn--exmple-cua.org", "a@b"])
  func goodAddresses(text: String) throws {
    #expect(try MailAddress(text).address == text)
  }
}

/// The value of a header, unfolded, its encoded words decoded.
private func decodedHeader(_ name: String, in text: String) -> String? {
  let unfolded = text.replacing("\r\n ", with: " ")
  guard let line = unfolded.components(separatedBy: "\r\n").first(where: { $0.hasPrefix("\(name): ") }) else {
    return nil
  }
  var words: [String] = []
  var bytes = Data()
  for word in line.dropFirst(name.count + 2).split(separator: " ") {
    guard word.hasPrefix("=?utf-8?B?"), let data = Data(base64Encoded: String(word.dropFirst(10).dropLast(2))) else {
      if !bytes.isEmpty { words.append(String(decoding: bytes, as: UTF8.self)) }
      bytes = Data()
      words.append(String(word))
      continue
    }
    bytes += data
  }
  if !bytes.isEmpty { words.append(String(decoding: bytes, as: UTF8.self)) }
  return words.joined(separator: " ")
}

/// Quoted-printable, decoded.
private func decoded(_ text: String) -> String {
  var bytes: [UInt8] = []
  var rest = Array(text.replacing("=\r\n", with: "").replacing("\r\n", with: "\n").utf8)[...]
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: "="), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
      bytes.append(code)
      rest = rest.dropFirst(2)
    } else {
      bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
