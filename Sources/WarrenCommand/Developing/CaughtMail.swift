internal import Foundation

/// A mail that was taken and not delivered.
struct CaughtMail: Sendable, Equatable {
  /// When it came.
  var time: Date
  /// Who would have got it.
  var recipients: [String]
  /// The mail as it came.
  var source: Data

  /// A header, with its folds and encoded words resolved; empty when there is none.
  func header(_ name: String) -> String { MailPart(source).header(name) }

  /// What a person reads: the part of plain text, or else the whole.
  var text: String { MailPart(source).plainText ?? String(decoding: source, as: UTF8.self) }
}

/// Headers and a body: a mail, or a part of one.
struct MailPart {
  private let headers: [(name: String, value: String)]
  private let body: String

  init(_ source: Data) { self.init(text: String(decoding: source, as: UTF8.self)) }

  private init(text: String) {
    let text = text.replacingOccurrences(of: "\r\n", with: "\n")
    let parts = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
    body = parts.count > 1 ? String(parts[1]) : ""
    var headers: [(String, String)] = []
    for line in parts[0].split(separator: "\n") {
      if line.first == " " || line.first == "\t", let last = headers.indices.last {
        headers[last].1 += " " + line.trimmingCharacters(in: .whitespaces)
      } else if let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        headers.append((line[..<colon].lowercased(), value))
      }
    }
    self.headers = headers
  }

  func header(_ name: String) -> String {
    headers.first { $0.name == name.lowercased() }.map { Self.decodedWords($0.value) } ?? ""
  }

  /// The first part of plain text, decoded.
  var plainText: String? {
    let type = header("Content-Type").lowercased()
    if type.hasPrefix("multipart/") {
      guard let boundary = header("Content-Type").firstMatch(of: /boundary="?([^";]+)/.ignoresCase())?.1 else {
        return nil
      }
      let parts = "\n\(body)".components(separatedBy: "\n--\(boundary)").dropFirst()
      return parts.lazy.filter { !$0.hasPrefix("--") }
        .compactMap { MailPart(text: String($0.drop { $0 == "\n" })).plainText }.first
    }
    guard type.isEmpty || type.hasPrefix("text/plain") else { return nil }
    switch header("Content-Transfer-Encoding").lowercased() {
    case "base64":
      return Data(base64Encoded: body, options: .ignoreUnknownCharacters).map { String(decoding: $0, as: UTF8.self) }
    case "quoted-printable": return Self.unquoted(body.replacingOccurrences(of: "=\n", with: ""))
    default: return body
    }
  }

  /// `=?utf-8?B?…?=` and `=?utf-8?Q?…?=` as text.
  private static func decodedWords(_ text: String) -> String {
    // White space between two encoded words is part of neither.
    let joined = text.replacing(/\?=\s+=\?/, with: "?==?")
    return joined.replacing(/=\?[^?]+\?([bBqQ])\?([^?]*)\?=/) { match in
      if match.1.lowercased() == "q" { return unquoted(match.2.replacingOccurrences(of: "_", with: " ")) }
      return Data(base64Encoded: String(match.2)).map { String(decoding: $0, as: UTF8.self) } ?? String(match.0)
    }
  }

  /// `=C3=BC` as what it stands for.
  private static func unquoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(text)
    while let next = rest.first {
      if next == "=", let byte = UInt8(rest.dropFirst().prefix(2), radix: 16), rest.count >= 3 {
        bytes.append(byte)
        rest = rest.dropFirst(3)
      } else {
        bytes += next.utf8
        rest = rest.dropFirst()
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
