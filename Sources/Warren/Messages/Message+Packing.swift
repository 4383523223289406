internal import Foundation

extension Message {
  /// Whether the content encoding says that the body is gzip.
  var isGZip: Bool {
    guard let name = contentEncoding?.trimmingCharacters(in: .whitespaces).lowercased() else { return false }
    return name == "gzip" || name == "x-gzip"
  }

  /// Packs the body, unless it is encoded in a way already.
  mutating func pack(_ compression: Compression) {
    guard contentEncoding == nil, let packed = compression.packed(body) else { return }
    body = packed
    contentEncoding = "gzip"
  }

  /// Unpacks a body whose encoding is gzip.
  mutating func unpack(to limit: Int) throws(GZipError) {
    guard isGZip else { return }
    body = try GZip.unpack(body, to: limit)
    contentEncoding = nil
  }
}
