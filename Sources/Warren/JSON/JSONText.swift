/// A JSON document whose numbers and strings stay as they were written: no number goes through a `Double`.
public indirect enum JSONText: Sendable, Equatable {
  /// A member of an object; the name is without its quotes and escapes.
  public struct Member: Sendable, Equatable {
    /// The name.
    public var name: String
    /// The value.
    public var value: JSONText
    /// A member.
    public init(_ name: String, _ value: JSONText) {
      self.name = name
      self.value = value
    }
  }
  /// Members in their order, repeated names included.
  case object([Member])
  /// Elements.
  case array([JSONText])
  /// Text, without quotes and escapes.
  case string(String)
  /// A number, `true`, `false` or `null`, as written.
  case literal(String)

  /// Reads a document as RFC 8259 has it.
  public init(parsing text: String) throws(JSONTextError) {
    var parser = JSONParser(Array(text.utf8))
    self = try parser.document()
  }

  /// The document on one line.
  public var compact: String {
    var text = ""
    write(into: &text, indentation: nil)
    return text
  }
  /// The document on many lines, indented by two spaces.
  public var pretty: String {
    var text = ""
    write(into: &text, indentation: 0)
    return text
  }

  private func write(into text: inout String, indentation: Int?) {
    switch self {
    case .literal(let literal): text += literal
    case .string(let string): Self.write(string, into: &text)
    case .array(let elements):
      Self.write(elements, between: "[", "]", into: &text, indentation) { element, text, inner in
        element.write(into: &text, indentation: inner)
      }
    case .object(let members):
      Self.write(members, between: "{", "}", into: &text, indentation) { member, text, inner in
        Self.write(member.name, into: &text)
        text += inner == nil ? ":" : ": "
        member.value.write(into: &text, indentation: inner)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between open: Character, _ close: Character, into text: inout String, _ indentation: Int?,
    _ write: (Element, inout String, Int?) -> Void
  ) {
    text.append(open)
    for (index, element) in elements.enumerated() {
      if index > 0 { text += "," }
      if let indentation { text += "\n" + String(repeating: " ", count: indentation + 2) }
      write(element, &text, indentation.map { $0 + 2 })
    }
    if let indentation, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indentation) }
    text.append(close)
  }

  private static func write(_ string: String, into text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
