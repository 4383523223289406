internal import Foundation

/// The shape in which messages are stored by those who send them later. It is kept: a newer Warren reads it, and fields that
/// this version does not know are passed over.
///
/// ```json
/// {"version":1,"id":"…","name":"booking.created","text":"{…}","headers":{"traceparent":"…"},
///  "contentType":"application/json","timestamp":1800000000000,"source":"bookings"}
/// ```
/// A body that is no text in UTF-8 is `base64` in place of `text`. Times are milliseconds since 1970. What is missing is
/// empty, and the priority is normal.
extension Message: Codable {
  private enum Key: String, CodingKey {
    case version, id, name, text, base64, headers, contentType, contentEncoding, timestamp, correlationID, causationID,
      source, priority, expiresAt
  }

  /// Writes the shape above.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(StoredShape.version, forKey: .version)
    try fields.encodeIfPresent(id, forKey: .id)
    try fields.encodeIfPresent(name, forKey: .name)
    if let text = String(validating: body, as: UTF8.self) {
      try fields.encode(text, forKey: .text)
    } else {
      try fields.encode(body.base64EncodedString(), forKey: .base64)
    }
    if !headers.isEmpty { try fields.encode(headers, forKey: .headers) }
    try fields.encodeIfPresent(contentType, forKey: .contentType)
    try fields.encodeIfPresent(contentEncoding, forKey: .contentEncoding)
    try fields.encodeIfPresent(timestamp?.wholeMilliseconds, forKey: .timestamp)
    try fields.encodeIfPresent(correlationID, forKey: .correlationID)
    try fields.encodeIfPresent(causationID, forKey: .causationID)
    try fields.encodeIfPresent(source, forKey: .source)
    if priority != .normal { try fields.encode(priority.rawValue, forKey: .priority) }
    try fields.encodeIfPresent(expiresAt?.wholeMilliseconds, forKey: .expiresAt)
  }

  /// Reads the shape above.
  ///
  /// - Throws: `DecodingError` when it is another shape, or one of a newer Warren that this version cannot read.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    try StoredShape.check(fields, .version)
    let body: Data
    if let text = try fields.decodeIfPresent(String.self, forKey: .base64) {
      guard let bytes = Data(base64Encoded: text) else {
        throw DecodingError.dataCorruptedError(forKey: .base64, in: fields, debugDescription: "this is no Base64")
      }
      body = bytes
    } else {
      body = Data(try fields.decode(String.self, forKey: .text).utf8)
    }
    func time(_ key: Key) throws -> Date? {
      try fields.decodeIfPresent(Int64.self, forKey: key).map { Date(wholeMilliseconds: $0) }
    }
    self.init(
      id: try fields.decodeIfPresent(MessageID.self, forKey: .id),
      name: try fields.decodeIfPresent(MessageName.self, forKey: .name), body: body,
      headers: try fields.decodeIfPresent(Headers.self, forKey: .headers) ?? [:],
      contentType: try fields.decodeIfPresent(String.self, forKey: .contentType),
      contentEncoding: try fields.decodeIfPresent(String.self, forKey: .contentEncoding),
      timestamp: try time(.timestamp),
      correlationID: try fields.decodeIfPresent(String.self, forKey: .correlationID),
      causationID: try fields.decodeIfPresent(String.self, forKey: .causationID),
      source: try fields.decodeIfPresent(String.self, forKey: .source),
      priority: Priority(integerLiteral: try fields.decodeIfPresent(UInt8.self, forKey: .priority) ?? 4),
      expiresAt: try time(.expiresAt))
  }
}

/// The version of the stored shapes of ``Message`` and ``Publication``.
enum StoredShape {
  static let version = 1

  /// Throws when a newer Warren has written what this version cannot read.
  static func check<Key: CodingKey>(_ fields: KeyedDecodingContainer<Key>, _ key: Key) throws {
    let found = try fields.decode(Int.self, forKey: key)
    guard found == version else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: fields,
        debugDescription:
          "a message of the stored shape \(found), and this Warren reads shape \(version): use a newer one")
    }
  }
}
