/// Text on a terminal.
enum Text {
  /// Without characters that would command the terminal, since messages come from strangers. Line breaks and tabs become
  /// spaces, unless line breaks are kept.
  static func printable(_ text: String, keepsLines: Bool = false) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A where keepsLines: output.unicodeScalars.append(scalar)
      case 0x09, 0x0A, 0x0D: output += " "
      case 0..<0x20: output += "^" + String(UnicodeScalar(UInt8(scalar.value + 0x40)))
      case let value where commandsTerminal(value): output += "\u{FFFD}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// A JSON document without characters that would command a terminal. They stand in texts only, where an escape says the
  /// same.
  static func escapedForJSON(_ document: String) -> String {
    guard document.unicodeScalars.contains(where: { commandsTerminal($0.value) }) else { return document }
    var output = ""
    for scalar in document.unicodeScalars {
      if commandsTerminal(scalar.value) {
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      } else {
        output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// Deletes, C1 controls, and marks that turn the direction of writing. An encoder escapes the others.
  private static func commandsTerminal(_ value: UInt32) -> Bool {
    (0x7F..<0xA0).contains(value) || (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
  }

  /// How many columns a character takes.
  static func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
      return 2
    default:
      return scalar.properties.generalCategory == .nonspacingMark ? 0 : 1
    }
  }

  /// How many columns a text takes.
  static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

  /// The text in at most so many columns; `…` stands for what is cut off.
  static func cut(_ text: String, to limit: Int) -> String {
    if width(text) <= limit { return text }
    var output = ""
    var left = limit - 1
    for character in text {
      left -= width(character)
      if left < 0 { break }
      output.append(character)
    }
    return output + "…"
  }

  static func padded(_ text: String, to columns: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, columns - width(text)))
    return right ? space + text : text + space
  }
}
