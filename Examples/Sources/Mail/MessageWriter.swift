internal import Foundation

/// Writes a mail as the text that travels: headers and parts by RFC 5322, 2045 and 2047, lines of at most 78 characters that
/// end with CR LF, nothing but ASCII. The same mail always gives the same text.
struct MessageWriter {
  private var out = ""

  static func text(of mail: Mail) throws(MailError) -> String {
    var writer = MessageWriter()
    try writer.write(mail)
    return writer.out
  }

  /// The Message-ID of a mail, in angle brackets. What may not stand in one is written as its code.
  static func messageID(of mail: Mail) -> String {
    let id = mail.id.utf8.map { byte in
      let character = Character(UnicodeScalar(byte))
      let isPlain = byte < 128 && (character.isLetter || character.isNumber || "-_+=".contains(character))
      return isPlain ? String(character) : "." + String(byte, radix: 16)
    }
    return "<\(id.joined())@\(mail.from.domain)>"
  }

  private mutating func write(_ mail: Mail) throws(MailError) {
    guard !mail.id.isEmpty, mail.id.utf8.count <= 200 else {
      throw MailError(.invalid, "the id of the mail needs 1 to 200 bytes")
    }
    try checkHeader(mail.subject, "subject")
    try checkBody(mail.text, "text")
    header("Date", Self.date(mail.date))
    header("From", mailbox(mail.from))
    header("To", mailbox(mail.to))
    header("Subject", Self.unstructured(mail.subject))
    header("Message-ID", Self.messageID(of: mail))
    header("MIME-Version", "1.0")
    // Says that no person wrote it, so that no automatic answer comes back (RFC 3834).
    header("Auto-Submitted", "auto-generated")
    guard let html = mail.html else { return part("text/plain", mail.text) }
    try checkBody(html, "HTML")
    // No line of a quoted-printable part begins with it: "=_" cannot occur there.
    let boundary = "=_" + Self.hash(of: mail)
    header("Content-Type", "multipart/alternative; boundary=\"\(boundary)\"")
    out += "\r\n--\(boundary)\r\n"
    part("text/plain", mail.text)
    out += "\r\n--\(boundary)\r\n"
    part("text/html", html)
    out += "\r\n--\(boundary)--\r\n"
  }

  private mutating func part(_ type: String, _ text: String) {
    header("Content-Type", "\(type); charset=utf-8")
    header("Content-Transfer-Encoding", "quoted-printable")
    out += "\r\n"
    out += QuotedPrintable.encode(text)
  }

  /// A header, whose words go to the next line where the line would be too long.
  private mutating func header(_ name: String, _ value: String) {
    var line = "\(name):"
    for word in value.split(separator: " ") {
      if line.utf8.count + 1 + word.utf8.count > 76, line.utf8.count > name.utf8.count + 1 {
        out += line + "\r\n"
        line = ""
      }
      line += " \(word)"
    }
    out += line + "\r\n"
  }

  private func mailbox(_ address: MailAddress) -> String {
    guard let name = address.name else { return address.address }
    let isPlain = name.utf8.allSatisfy { byte in
      let character = Character(UnicodeScalar(byte))
      return byte < 128 && (character.isLetter || character.isNumber || character == " " || character == "-")
    }
    return (isPlain ? name : EncodedWords.encode(name)) + " <\(address.address)>"
  }

  /// Text as it is where it is plain ASCII of short words, and encoded where it is not, or could be taken for encoded.
  private static func unstructured(_ text: String) -> String {
    let isPlain =
      text.utf8.allSatisfy { (32..<127).contains($0) } && !text.contains("=?") && !text.contains("  ")
      && !text.hasPrefix(" ") && !text.hasSuffix(" ") && text.split(separator: " ").allSatisfy { $0.utf8.count <= 70 }
    return isPlain ? text : EncodedWords.encode(text)
  }

  private func checkHeader(_ text: String, _ what: String) throws(MailError) {
    guard text.utf8.count <= 2_000 else { throw MailError(.invalid, "the \(what) has more than 2,000 bytes") }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      throw MailError(.invalid, "the \(what) has a control character in it, such as a line break")
    }
  }

  private func checkBody(_ text: String, _ what: String) throws(MailError) {
    if text.utf8.contains(0) { throw MailError(.invalid, "the \(what) has the character NUL in it") }
  }

  /// `Thu, 26 Nov 2026 09:30:00 +0000` (RFC 5322, 3.3).
  private static func date(_ date: Date) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.weekday, .day, .month, .year, .hour, .minute, .second], from: date)
    func two(_ value: Int?) -> String { value.map { $0 < 10 ? "0\($0)" : "\($0)" } ?? "00" }
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][(parts.weekday ?? 1) - 1]
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
      (parts.month ?? 1) - 1]
    let time = "\(two(parts.hour)):\(two(parts.minute)):\(two(parts.second))"
    return "\(day), \(two(parts.day)) \(month) \(parts.year ?? 1970) \(time) +0000"
  }

  /// FNV-1a of the id: any text that is the same at each try does.
  private static func hash(of mail: Mail) -> String {
    let hash = mail.id.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}

/// Words of headers in other scripts (RFC 2047, encoding B).
enum EncodedWords {
  /// Words of at most 60 characters each, separated by spaces; no character is cut in two.
  static func encode(_ text: String) -> String {
    // 36 bytes make 48 of Base64, with "=?utf-8?B??=" 60 in all: with the name of its header still a short line.
    var words: [[UInt8]] = [[]]
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if words[words.count - 1].count + bytes.count > 36 { words.append([]) }
      words[words.count - 1] += bytes
    }
    return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: " ")
  }
}

/// The transfer encoding of text that is mostly ASCII (RFC 2045, 6.7).
enum QuotedPrintable {
  private static let digits = Array("0123456789ABCDEF".utf8)

  /// Lines of at most 76 characters. Every line break becomes CR LF; dots and `From ` at the start of a line are encoded, as
  /// some servers and mailboxes treat them in their own way.
  static func encode(_ text: String) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count * 5 / 4)
    let lines = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n").split(
      separator: "\n", omittingEmptySubsequences: false)
    for line in lines {
      encode(line.utf8, to: &out)
      out += [13, 10]
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static func encode(_ line: some Collection<UInt8>, to out: inout [UInt8]) {
    var column = 0
    var left = line.count
    for byte in line {
      left -= 1
      var plain = isPlain(byte, isFirst: column == 0, isLast: left == 0)
      // The last of a line may take the place that a soft break would need.
      if column + (plain ? 1 : 3) > (left == 0 ? 76 : 75) {
        out += [UInt8(ascii: "="), 13, 10]
        column = 0
        plain = isPlain(byte, isFirst: true, isLast: left == 0)
      }
      if plain {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
      column += plain ? 1 : 3
    }
  }

  private static func isPlain(_ byte: UInt8, isFirst: Bool, isLast: Bool) -> Bool {
    switch byte {
    case UInt8(ascii: "="): false
    case UInt8(ascii: "."), UInt8(ascii: "F"), UInt8(ascii: "-"): !isFirst
    case 33...126: true
    case UInt8(ascii: " "), 9: !isLast
    default: false
    }
  }
}
