/// Reads ``JSONText``.
struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  /// Deeper documents are refused, since the parser is recursive and the stack is limited.
  private static let depthLimit = 200

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONTextError) -> JSONText {
    let value = try value(depth: 0)
    skipSpace()
    if position < bytes.count { throw problem("something follows the end of the value") }
    return value
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func problem(_ text: String) -> JSONTextError {
    let before = bytes.prefix(position)
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return JSONTextError(line: line, column: position - start + 1, problem: text)
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONTextError) -> JSONText {
    if depth > Self.depthLimit { throw problem("it is nested deeper than \(Self.depthLimit)") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{")?: return try object(depth: depth)
    case UInt8(ascii: "[")?: return try array(depth: depth)
    case UInt8(ascii: "\"")?: return .string(try string())
    case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: return .literal(try number())
    case nil: throw problem("a value is missing")
    default:
      for word in ["true", "false", "null"] where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return .literal(word)
      }
      throw problem("a value is missing; text needs double quotes")
    }
  }

  private mutating func object(depth: Int) throws(JSONTextError) -> JSONText {
    position += 1
    var members: [JSONText.Member] = []
    skipSpace()
    if take("}") { return .object([]) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw problem("the name of a member is missing; it needs double quotes") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw problem("a colon is missing") }
      members.append(.init(name, try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw problem("a comma or } is missing") }
    }
  }

  private mutating func array(depth: Int) throws(JSONTextError) -> JSONText {
    position += 1
    var elements: [JSONText] = []
    skipSpace()
    if take("]") { return .array([]) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw problem("a comma or ] is missing") }
    }
  }

  private mutating func digits() throws(JSONTextError) {
    let start = position
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    if position == start { throw problem("a digit is missing") }
  }

  private mutating func number() throws(JSONTextError) -> String {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") { try digits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits()
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func string() throws(JSONTextError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        position += 1
        text.append(contentsOf: try escape())
      case 0..<0x20: throw problem("a line or control character within a text must be escaped")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw problem("a text does not end")
  }

  private mutating func escape() throws(JSONTextError) -> [UInt8] {
    guard let byte = next else { throw problem("a text does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default:
      position -= 1
      throw problem("'\\' must be followed by one of \" \\ / b f n r t u")
    }
    var code = try hexadecimal()
    if (0xD800..<0xDC00).contains(code) {
      guard take("\\"), take("u") else { throw problem("half of a surrogate pair is missing") }
      let low = try hexadecimal()
      guard (0xDC00..<0xE000).contains(low) else { throw problem("half of a surrogate pair is missing") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw problem("half of a surrogate pair is missing") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(JSONTextError) -> UInt32 {
    guard position + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16),
      bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-")
    else { throw problem("four hexadecimal digits are missing") }
    position += 4
    return code
  }
}
