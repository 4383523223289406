/// A piece of a page. Text becomes HTML only by being escaped: there is no way to make markup out of a string that is not
/// written in the source.
struct HTML: Sendable, Equatable {
  private(set) var markup: String

  /// Nothing.
  static let empty = HTML(unchecked: "")

  private init(unchecked markup: String) { self.markup = markup }

  /// Text, escaped.
  init(_ text: some StringProtocol) { markup = Self.escaped(text) }

  /// Markup that is written in the source.
  init(markup: StaticString) { self.markup = markup.description }

  /// One after the other.
  init(_ parts: [HTML]) { markup = parts.count == 1 ? parts[0].markup : parts.map(\.markup).joined() }

  /// An element. The tag and the names of attributes are written in the source; the values are escaped.
  init(_ tag: StaticString, _ attributes: [Attribute], _ content: HTML?) {
    var text = "<\(tag)"
    for attribute in attributes {
      switch attribute.value {
      case .absent: continue
      case .present: text += " \(attribute.name)"
      case .text(let value): text += " \(attribute.name)=\"\(Self.escaped(value))\""
      }
    }
    text += ">"
    if let content { text += content.markup + "</\(tag)>" }
    markup = text
  }

  /// Escapes what means something in content and in quoted attributes. Characters that HTML does not allow, and those
  /// that turn the direction of writing, become visible.
  static func escaped(_ text: some StringProtocol) -> String {
    var output = ""
    output.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": output += "&amp;"
      case "<": output += "&lt;"
      case ">": output += "&gt;"
      case "\"": output += "&quot;"
      case "'": output += "&#39;"
      case "\t", "\n", "\r": output.unicodeScalars.append(scalar)
      case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}", "\u{200E}", "\u{200F}", "\u{FEFF}":
        output += "[U+\(String(scalar.value, radix: 16, uppercase: true))]"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): output += "\u{FFFD}"
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }
}

/// Builds a piece of a page from pieces and texts. There is one type only, so it costs little to compile.
@resultBuilder enum HTMLBuilder {
  static func buildExpression(_ piece: HTML) -> HTML { piece }
  static func buildExpression(_ piece: HTML?) -> HTML { piece ?? .empty }
  static func buildExpression(_ text: String) -> HTML { HTML(text) }
  static func buildExpression(_ pieces: [HTML]) -> HTML { HTML(pieces) }
  static func buildBlock(_ parts: HTML...) -> HTML { HTML(parts) }
  static func buildArray(_ parts: [HTML]) -> HTML { HTML(parts) }
  static func buildOptional(_ part: HTML?) -> HTML { part ?? .empty }
  static func buildEither(first part: HTML) -> HTML { part }
  static func buildEither(second part: HTML) -> HTML { part }
}
