public import Foundation

// Whether a body is text, and in which charset. Celery and Spring write the charset into the content encoding, others into the
// content type.
extension Message {
  /// How the body is packed, such as `gzip`: by the content encoding, or by how the body begins; `nil` when it is not.
  public var packing: String? {
    let named = contentEncoding?.lowercased() ?? ""
    if let known = ["gzip", "deflate", "br", "zstd", "compress", "lz4", "snappy"].first(where: named.contains) {
      return known
    }
    // Beginnings that no text has.
    let begin = Array(body.prefix(4))
    if begin.starts(with: [0x1F, 0x8B]) { return "gzip" }
    if begin.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd" }
    if begin.count >= 2, begin[0] == 0x78, [0x01, 0x9C, 0xDA].contains(begin[1]),
      String(validating: body, as: UTF8.self) == nil
    {
      return "deflate"
    }
    return nil
  }

  /// The charset that the message names, in lower case; `nil` when it names none.
  public var charset: String? {
    for parameter in (contentType ?? "").split(separator: ";").dropFirst() {
      let parts = parameter.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces).lowercased() == "charset" else { continue }
      return parts[1].trimmingCharacters(in: CharacterSet(charactersIn: " \"'")).lowercased()
    }
    let named = contentEncoding?.trimmingCharacters(in: .whitespaces).lowercased() ?? ""
    return Charset.encoding(named) == nil ? nil : named
  }

  /// The body as text, unpacked if it is gzip; `nil` when it is not text, is packed in another way, or is larger than 16 MiB unpacked.
  public var text: String? {
    if let packing {
      guard packing == "gzip", let body = try? GZip.unpack(body, to: GZip.shownLimit) else {
        return nil
      }
      var unpacked = self
      unpacked.body = body
      unpacked.contentEncoding = nil
      return unpacked.packing == nil ? unpacked.text : nil
    }
    guard let charset else {
      let named = contentEncoding?.trimmingCharacters(in: .whitespaces).lowercased() ?? ""
      // Something else than text that has no name here: what happens to be UTF-8 is no secret to be guessed at.
      guard ["", "identity", "8bit", "7bit"].contains(named) else { return nil }
      return String(validating: body, as: UTF8.self)
    }
    return Charset.text(body, charset)
  }

  /// Bytes for this text, in the charset of the message, and packed if the message is; `nil` when that cannot say it.
  public func body(for text: String) -> Data? {
    let encoding = charset.flatMap(Charset.encoding) ?? .utf8
    guard let body = encoding == .utf8 ? Data(text.utf8) : text.data(using: encoding) else { return nil }
    guard let packing else { return body }
    return packing == "gzip" ? GZip.pack(body) : nil
  }
}

/// Charsets by their names.
enum Charset {
  private static let encodings: [String: String.Encoding] = [
    "utf-8": .utf8, "utf8": .utf8, "us-ascii": .ascii, "ascii": .ascii, "iso-8859-1": .isoLatin1, "latin1": .isoLatin1,
    "latin-1": .isoLatin1, "iso8859-1": .isoLatin1, "iso-8859-2": .isoLatin2, "windows-1250": .windowsCP1250,
    "windows-1251": .windowsCP1251, "windows-1252": .windowsCP1252, "cp1252": .windowsCP1252, "utf-16": .utf16,
    "utf-16le": .utf16LittleEndian, "utf-16be": .utf16BigEndian, "utf-32": .utf32, "utf-32le": .utf32LittleEndian,
    "utf-32be": .utf32BigEndian, "shift_jis": .shiftJIS, "euc-jp": .japaneseEUC,
  ]

  static func encoding(_ name: String) -> String.Encoding? { encodings[name] }

  /// Whether a JSON decoder knows it by itself.
  static func isUnicode(_ name: String) -> Bool { name.hasPrefix("utf") || name.hasSuffix("ascii") }

  static func text(_ body: Data, _ name: String) -> String? {
    guard let encoding = encodings[name] else { return nil }
    return encoding == .utf8 ? String(validating: body, as: UTF8.self) : String(data: body, encoding: encoding)
  }
}
