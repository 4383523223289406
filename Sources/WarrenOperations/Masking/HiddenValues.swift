public import Warren

/// The secrets of a document that a person edits without seeing them: each is shown as `***1***`, `***2***` … and put back where
/// that still stands.
public struct HiddenValues: Sendable {
  private let mask: Mask
  /// What stands in the way of a number: text that looks like a placeholder already.
  private let reserved: String
  private var last = 0
  /// What was hidden, by what is shown in its place.
  private var originals: [String: JSONText] = [:]
  private var placeholders: [String] = []

  /// Nothing hidden yet.
  ///
  /// - Parameter text: all that will be hidden in, as it is: a placeholder never looks like something in it.
  public init(_ mask: Mask, in text: String) {
    self.mask = mask
    reserved = text
  }

  /// Whether anything is hidden.
  public var isEmpty: Bool { originals.isEmpty }

  /// The document without its secrets.
  public mutating func hide(_ document: JSONText) -> JSONText { hide(document, mask.json(document)) }

  /// Headers without their secrets.
  public mutating func hide(_ headers: [String: String]) -> [String: String] {
    let masked = mask.headers(headers)
    var shown = headers
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
      if let text = masked[name], text != value { shown[name] = placeholder(text, .string(value)) }
    }
    return shown
  }

  private mutating func hide(_ original: JSONText, _ masked: JSONText) -> JSONText {
    if original == masked { return original }
    switch (original, masked) {
    case (.object(let members), .object(let others)) where members.count == others.count:
      var shown: [JSONText.Member] = []
      for (member, other) in zip(members, others) { shown.append(.init(member.name, hide(member.value, other.value))) }
      return .object(shown)
    case (.array(let elements), .array(let others)) where elements.count == others.count:
      var shown: [JSONText] = []
      for (element, other) in zip(elements, others) { shown.append(hide(element, other)) }
      return .array(shown)
    case (_, .string(let text)): return .string(placeholder(text, original))
    default: return .string(placeholder(Mask.placeholder, original))
    }
  }

  /// Numbers what is hidden in a text.
  private mutating func placeholder(_ masked: String, _ original: JSONText) -> String {
    var number: String
    repeat {
      last += 1
      number = "\(Mask.placeholder)\(last)\(Mask.placeholder)"
    } while reserved.contains(number)
    placeholders.append(number)
    let shown = masked.split(separator: Mask.placeholder, omittingEmptySubsequences: false).joined(separator: number)
    originals[shown] = original
    return shown
  }

  /// The document with its secrets put back.
  ///
  /// - Throws: ``Mangled`` where only a part of what was shown is left, or something was added to it.
  public func restore(_ document: JSONText) throws(Mangled) -> JSONText {
    switch document {
    case .literal: return document
    case .string(let text): return try restored(text)
    case .array(let elements):
      var restored: [JSONText] = []
      for element in elements { restored.append(try restore(element)) }
      return .array(restored)
    case .object(let members):
      var restored: [JSONText.Member] = []
      for member in members { restored.append(.init(member.name, try restore(member.value))) }
      return .object(restored)
    }
  }

  /// The value of a header with its secrets put back.
  ///
  /// - Throws: as ``restore(_:)``.
  public func restore(header value: String) throws(Mangled) -> String {
    guard case .string(let text) = try restored(value) else { throw Mangled(text: value) }
    return text
  }

  private func restored(_ text: String) throws(Mangled) -> JSONText {
    if let original = originals[text] { return original }
    if placeholders.contains(where: { text.contains($0) }) { throw Mangled(text: text) }
    return .string(text)
  }

  /// A text in which a hidden value was changed in part.
  public struct Mangled: Error, Sendable, Equatable {
    /// The text.
    public var text: String
    /// An error about a text.
    public init(text: String) { self.text = text }
  }
}
