/// An attribute of an element. What runs code when a browser reads it (`style`, `onclick`) is not among them.
struct Attribute: Sendable {
  enum Value: Sendable {
    case absent
    case present
    case text(String)
  }
  let name: StaticString
  let value: Value

  init(_ name: StaticString, _ text: String?) {
    self.name = name
    value = text.map { .text($0) } ?? .absent
  }
  init(_ name: StaticString, if condition: Bool) {
    self.name = name
    value = condition ? .present : .absent
  }

  static func `class`(_ names: String?) -> Attribute { Attribute("class", names) }
  static func id(_ id: String) -> Attribute { Attribute("id", id) }
  static func href(_ link: Link) -> Attribute { Attribute("href", link.text) }
  static func src(_ link: Link) -> Attribute { Attribute("src", link.text) }
  static func title(_ text: String?) -> Attribute { Attribute("title", text) }
  static func name(_ name: String) -> Attribute { Attribute("name", name) }
  static func value(_ value: String) -> Attribute { Attribute("value", value) }
  static func type(_ type: StaticString) -> Attribute { Attribute("type", type.description) }
  static func role(_ role: StaticString) -> Attribute { Attribute("role", role.description) }
  static func label(_ text: String) -> Attribute { Attribute("aria-label", text) }
  static func nonce(_ nonce: String) -> Attribute { Attribute("nonce", nonce) }
  static func scope(_ scope: StaticString) -> Attribute { Attribute("scope", scope.description) }
  static func `for`(_ id: String) -> Attribute { Attribute("for", id) }
}
