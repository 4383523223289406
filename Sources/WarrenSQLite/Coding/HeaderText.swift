/// Headers as JSON text, an object of strings. Written and read by hand: every traced message has some, and a general
/// coder costs more than the rest of its way through the file.
enum HeaderText {
  static func write(_ headers: [String: String]) -> String {
    var text = "{"
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
      if text.utf8.count > 1 { text += "," }
      append(name, to: &text)
      text += ":"
      append(value, to: &text)
    }
    text += "}"
    return text
  }

  /// Reads what ``write(_:)`` wrote; what is damaged beyond that is left out.
  static func read(_ text: String) -> [String: String] {
    var headers: [String: String] = [:]
    var rest = text.unicodeScalars[...]
    while let name = nextString(&rest), let value = nextString(&rest) { headers[name] = value }
    return headers
  }

  private static func append(_ value: String, to text: inout String) {
    text += "\""
    let needsEscape = value.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
    if !needsEscape {
      text += value
    } else {
      for scalar in value.unicodeScalars {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        case _ where scalar.value < 0x20:
          let hex = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    text += "\""
  }

  /// The next quoted text; what stands before it is skipped.
  private static func nextString(_ rest: inout Substring.UnicodeScalarView) -> String? {
    guard let quote = rest.firstIndex(of: "\"") else { return nil }
    rest = rest[rest.index(after: quote)...]
    var value = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" { return String(value) }
      if scalar != "\\" {
        value.append(scalar)
        continue
      }
      switch rest.popFirst() {
      case "u":
        let hex = rest.prefix(4)
        rest = rest.dropFirst(4)
        if let code = UInt32(String(hex), radix: 16), let scalar = Unicode.Scalar(code) { value.append(scalar) }
      case let escaped?: value.append(escaped)
      case nil: return nil
      }
    }
    return nil
  }
}
