/// Headers as JSON text, an object of strings. Written and read by hand: every traced message has some, and a general
/// coder costs more than the rest of its way through the file.
enum HeaderText {
  static func write(_ headers: [String: String]) -> String {
    var text = ""
    text.reserveCapacity(headers.reduce(2) { $0 + $1.key.utf8.count + $1.value.utf8.count + 6 })
    text += "{"
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
    var text = text
    return text.withUTF8 { bytes in
      var headers: [String: String] = [:]
      var rest = bytes[...]
      while let name = nextString(&rest), let value = nextString(&rest) { headers[name] = value }
      return headers
    }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")

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
  private static func nextString(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> String? {
    guard let start = rest.firstIndex(of: quote) else { return nil }
    rest = rest[(start + 1)...]
    guard let end = rest.firstIndex(where: { $0 == quote || $0 == backslash }) else { return nil }
    let plain = rest[..<end]
    if rest[end] == quote {
      rest = rest[(end + 1)...]
      return String(decoding: plain, as: UTF8.self)
    }
    // Hardly any comes here.
    rest = rest[end...]
    return unescaped(Array(plain), &rest)
  }

  /// The rest of a text of which this is the beginning.
  private static func unescaped(_ beginning: [UInt8], _ rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> String? {
    var value = beginning
    while let byte = rest.popFirst() {
      if byte == quote { return String(decoding: value, as: UTF8.self) }
      if byte != backslash {
        value.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "u"):
        let hex = String(decoding: rest.prefix(4), as: UTF8.self)
        rest = rest.dropFirst(4)
        if let code = UInt32(hex, radix: 16), let scalar = Unicode.Scalar(code) { value += Array(String(scalar).utf8) }
      case let escaped?: value.append(escaped)
      case nil: return nil
      }
    }
    return nil
  }
}
