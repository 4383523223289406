internal import Foundation

/// The body of a message that is searched: gzip is unpacked, up to what is shown of a body, and JSON is read, each at most once.
struct SearchedBody {
  private let message: Message
  /// As it is searched for text: unpacked, or as it came where it is packed in another way, damaged or larger than is shown.
  private(set) lazy var bytes = unpacked ?? message.body
  /// `nil` when it cannot be unpacked.
  private lazy var unpacked: Data? = message.isGZip ? try? GZip.unpack(message.body, to: GZip.shownLimit) : nil
  /// What stands under `data` in an envelope, or the whole body; `nil` when it is not JSON.
  private lazy var content: JSONText? = readContent()

  init(_ message: Message) { self.message = message }

  private mutating func readContent() -> JSONText? {
    guard message.contentEncoding == nil || unpacked != nil, let text = String(validating: bytes, as: UTF8.self),
      let document = try? JSONText(parsing: text)
    else { return nil }
    if case .object(let members) = document, members.contains(where: { $0.name == "type" }),
      let data = members.last(where: { $0.name == "data" })
    {
      return data.value
    }
    return document
  }

  /// A value in the content, as it is written there; an object or an array as JSON on one line.
  mutating func value(at path: [String]) -> String? {
    guard var value = content else { return nil }
    for step in path {
      switch value {
      case .object(let members):
        guard let member = members.last(where: { $0.name == step }) else { return nil }
        value = member.value
      case .array(let elements):
        guard let place = Int(step), elements.indices.contains(place) else { return nil }
        value = elements[place]
      case .string, .literal: return nil
      }
    }
    switch value {
    case .string(let text), .literal(let text): return text
    case .object, .array: return value.compact
    }
  }
}
