internal import Foundation
public import Warren

/// A body as it is shown.
public struct BodyView: Sendable, Equatable, Codable {
  /// What ``text`` is.
  public enum Format: String, Sendable, Codable {
    /// JSON, as it was written, or on one line when something is hidden.
    case json
    /// Other text.
    case text
    /// Bytes that are not text, in Base64.
    case base64
  }
  /// What ``text`` is.
  public var format: Format
  /// The body.
  public var text: String
  /// How many bytes the body has.
  public var size: Int
  /// Whether something is hidden.
  public var isMasked: Bool
  /// How the body is packed, such as `gzip`, which is shown unpacked; other bodies are shown as they are.
  public var packing: String?

  /// The body of a message as it may be shown.
  public init(_ message: Message, mask: Mask = .standard) {
    size = message.body.count
    packing = message.packing
    guard let original = message.text else {
      // What cannot be read cannot be searched for secrets either.
      format = .base64
      isMasked = mask.isOn && !message.body.isEmpty
      text = isMasked ? Mask.placeholder : message.body.base64EncodedString()
      return
    }
    if let document = try? JSONText(parsing: original) {
      let shown = mask.json(document)
      format = .json
      isMasked = shown != document
      text = isMasked ? shown.compact : original
    } else {
      format = .text
      text = mask.text(original)
      isMasked = text != original
    }
  }

  /// JSON on many lines; other text as it is.
  public var pretty: String {
    guard format == .json, let document = try? JSONText(parsing: text) else { return text }
    return document.pretty
  }
}
