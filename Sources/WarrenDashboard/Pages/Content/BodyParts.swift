internal import Warren
internal import WarrenOperations

/// A body as a tree and as it is.
enum BodyParts {
  /// How much of a body is shown.
  private static let limit = 64_000
  /// How many values a tree has at most.
  private static let nodeLimit = 1_000

  static func body(_ body: BodyView, _ contentType: String?, _ encoding: String?) -> HTML {
    let what = [contentType, encoding.map { "packed as \($0)" }, Show.size(body.size)].compactMap { $0 }.joined(
      separator: ", ")
    if body.size == 0 { return Tags.p(.class("muted")) { "It is empty." } }
    let isCut = body.text.utf8.count > limit
    let raw = HTML([
      Tags.pre(Attribute("tabindex", "0"), .label("Payload")) { isCut ? String(body.text.prefix(limit)) : body.pretty },
      isCut
        ? Tags.p(.class("muted")) { "This is the beginning: \(Show.size(limit)) of \(Show.size(body.size))." } : .empty,
    ])
    guard body.format == .json, !isCut, let document = try? JSONText(parsing: body.text) else {
      let note = body.format == .base64 && !body.isMasked ? "Bytes that are not text, in Base64. " : ""
      return HTML([Tags.p(.class("hint")) { note + what }, raw])
    }
    var left = nodeLimit
    let tree = Tags.ul(.class("tree")) { node(nil, document, depth: 0, &left) }
    return HTML([
      Tags.p(.class("hint")) { what },
      tree,
      left < 0
        ? Tags.p(.class("muted")) { "The tree ends after \(Show.number(nodeLimit)) values; below is the whole." }
        : .empty,
      Tags.details(.class("more")) {
        Tags.summary { "As text" }
        raw
      },
    ])
  }

  /// Numbers are shown as they were written: none goes through floating point.
  private static func node(_ name: String?, _ value: JSONText, depth: Int, _ left: inout Int) -> HTML {
    left -= 1
    if left < 0 { return .empty }
    let key = name.map { name in HTML([Tags.span(.class("key")) { name }, HTML(": ")]) } ?? .empty
    switch value {
    case .literal(let literal):
      return Tags.li {
        key; Tags.span(.class("literal")) { literal }
      }
    case .string(let text):
      let kind = text == Mask.placeholder ? "hidden" : "string"
      return Tags.li {
        key; Tags.span(.class(kind)) { text == Mask.placeholder ? "hidden" : "\"\(text)\"" }
      }
    case .array(let elements):
      if elements.isEmpty {
        return Tags.li {
          key; "[]"
        }
      }
      let inner = elements.enumerated().map { node("\($0.offset)", $0.element, depth: depth + 1, &left) }
      return branch(key, Show.count(elements.count, "element"), inner, depth)
    case .object(let members):
      if members.isEmpty {
        return Tags.li {
          key; "{}"
        }
      }
      let inner = members.map { node($0.name, $0.value, depth: depth + 1, &left) }
      return branch(key, Show.count(members.count, "member"), inner, depth)
    }
  }

  private static func branch(_ key: HTML, _ count: String, _ inner: [HTML], _ depth: Int) -> HTML {
    Tags.li {
      Tags.details(Attribute("open", if: depth < 3)) {
        Tags.summary {
          key
          Tags.span(.class("muted")) { count }
        }
        Tags.ul { inner }
      }
    }
  }
}
