public import Foundation

/// Warren's default: the value in an envelope, `{"type": …, "timestamp": …, "data": …}`.
///
/// It writes the three fields in alphabetical order, so that the value is encoded as it is, without a container around it.
/// What it wrote itself it knows again by its beginning and its end, and decodes only what lies between; from everybody else
/// it takes the fields in any order, and further ones beside them.
public struct EnvelopeCodec: MessageCodec {
  /// The codec.
  public init() {}

  private static let opening = #"{"data":"#
  private static let openingData = Data(opening.utf8)
  private static let beforeTime = #","timestamp":"#
  private static let beforeType = #","type":"#

  /// See ``MessageCodec/encode(_:at:)``.
  public func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data {
    let content = try JSON.encoder.encode(message)
    var ending = Self.beforeTime + JSON.text(time) + Self.beforeType + (try JSON.text(M.name)) + "}"
    var body = Data(capacity: Self.opening.utf8.count + content.count + ending.utf8.count)
    // As data and as a buffer: Foundation asks what kind of sequence any other is.
    body.append(Self.openingData)
    body.append(content)
    ending.withUTF8 { body.append($0) }
    return body
  }

  private struct Content<M: Decodable>: Decodable { var data: M }

  /// See ``MessageCodec/decode(_:from:)``.
  public func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M {
    if let range = try Self.content(of: M.name, in: message.body),
      let value = try? JSON.decoder.decode(M.self, from: message.body[range])
    {
      return value
    }
    return try JSON.decoder.decode(Content<M>.self, from: message.body).data
  }

  /// What lies between the beginning and the end that ``encode(_:at:)`` writes. If that is a JSON value, it is the value of
  /// `data`: with the text around it, it makes up the whole body.
  private static func content(of name: MessageName, in body: Data) throws -> Range<Data.Index>? {
    let name = try JSON.text(name)
    let range: Range<Int>? = body.withUnsafeBytes { bytes in
      var rest = bytes[...]
      guard rest.removePrefix(opening), rest.removeSuffix("}"), rest.removeSuffix(name), rest.removeSuffix(beforeType),
        rest.popLast() == UInt8(ascii: "\"")
      else { return nil }
      // The time: a quoted text in which nothing is escaped.
      while let character = rest.popLast(), character != UInt8(ascii: "\"") {
        if character == UInt8(ascii: "\\") { return nil }
      }
      return rest.removeSuffix(beforeTime) ? rest.startIndex..<rest.endIndex : nil
    }
    return range.map { body.startIndex + $0.lowerBound..<body.startIndex + $0.upperBound }
  }

  /// The body's `type`.
  public func name(in message: Message) -> MessageName? { JSON.type(in: message.body) }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate mutating func removePrefix(_ text: String) -> Bool {
    guard starts(with: text.utf8) else { return false }
    removeFirst(text.utf8.count)
    return true
  }

  fileprivate mutating func removeSuffix(_ text: String) -> Bool {
    guard suffix(text.utf8.count).elementsEqual(text.utf8) else { return false }
    removeLast(text.utf8.count)
    return true
  }
}
