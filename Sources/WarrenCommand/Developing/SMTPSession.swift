internal import Foundation

/// The conversation with one mail client: lines in, replies out. It takes every mail and delivers none.
struct SMTPSession {
  /// What a reply asks for beside being sent.
  enum Step: Equatable {
    case reply(String)
    case mail(CaughtMail)
    case close
  }

  static let greeting = "220 warren dev: mails are shown, and delivered nowhere"
  /// How large a mail may be, in bytes.
  static let limit = 25 << 20
  /// How many may get one mail.
  static let recipientLimit = 1000

  private var sender: String?
  private var recipients: [String] = []
  private var isContent = false
  private var content = Data()

  /// What follows on a line, which comes without its end.
  mutating func receive(_ line: Data, at time: Date) -> [Step] {
    if isContent { return receiveContent(line, at: time) }
    let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    let verb = text.prefix { $0 != " " && $0 != ":" }.uppercased()
    switch verb {
    case "EHLO":
      reset()
      return [.reply("250-warren dev\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE \(Self.limit)")]
    case "HELO":
      reset()
      return [.reply("250 warren dev")]
    case "MAIL":
      reset()
      guard let address = Self.address(in: text, after: "FROM:") else {
        return [.reply("501 write MAIL FROM:<address>")]
      }
      sender = address
      return [.reply("250 taken")]
    case "RCPT":
      guard sender != nil else { return [.reply("503 MAIL FROM comes first")] }
      guard let address = Self.address(in: text, after: "TO:"), !address.isEmpty else {
        return [.reply("501 write RCPT TO:<address>")]
      }
      guard recipients.count < Self.recipientLimit else { return [.reply("452 too many recipients")] }
      recipients.append(address)
      return [.reply("250 taken")]
    case "DATA":
      guard !recipients.isEmpty else { return [.reply("503 RCPT TO comes first")] }
      isContent = true
      return [.reply("354 the mail, then a line with a dot")]
    case "RSET":
      reset()
      return [.reply("250 forgotten")]
    case "NOOP": return [.reply("250 still here")]
    case "VRFY": return [.reply("252 every address is taken")]
    case "QUIT": return [.reply("221 closing"), .close]
    case "STARTTLS", "AUTH": return [.reply("502 not offered here: mails stay on this machine")]
    default: return [.reply("500 not understood")]
    }
  }

  private mutating func receiveContent(_ line: Data, at time: Date) -> [Step] {
    guard line == Data([UInt8(ascii: ".")]) else {
      // One too many bytes are kept, so that it is known at the end.
      if content.count <= Self.limit {
        content += line.first == UInt8(ascii: ".") ? line.dropFirst() : line
        content += Data("\r\n".utf8)
      }
      return []
    }
    defer { reset() }
    if content.count > Self.limit { return [.reply("552 the mail is larger than \(Self.limit) bytes")] }
    return [.mail(CaughtMail(time: time, recipients: recipients, source: content)), .reply("250 taken, and shown")]
  }

  private mutating func reset() {
    sender = nil
    recipients = []
    isContent = false
    content = Data()
  }

  /// The address between the brackets; parameters behind them say nothing here.
  private static func address(in text: String, after word: String) -> String? {
    guard let range = text.range(of: word, options: .caseInsensitive),
      let open = text[range.upperBound...].firstIndex(of: "<"), let close = text[open...].firstIndex(of: ">")
    else { return nil }
    return String(text[text.index(after: open)..<close])
  }
}
