internal import CWarrenZlib
internal import Foundation

/// Packs and unpacks by zlib.
enum GZip {
  /// Up to how many bytes a body is unpacked that is only shown.
  static let shownLimit = 16 * 1024 * 1024

  static func pack(_ data: Data) -> Data? {
    var packed = Data(count: cwarren_gzip_bound(data.count))
    let capacity = packed.count
    let count = packed.withUnsafeMutableBytes { to in
      data.withUnsafeBytes { from in
        cwarren_gzip(
          from.bindMemory(to: UInt8.self).baseAddress, data.count, to.bindMemory(to: UInt8.self).baseAddress, capacity)
      }
    }
    return count > 0 ? packed.prefix(count) : nil
  }

  /// Never takes more memory than `limit` and the packed bytes.
  static func unpack(_ data: Data, to limit: Int) throws(GZipError) -> Data {
    // The last four bytes say how large it was. What they say has to be true, or it is broken; but of several packed one behind the
    // other they mean the last, and beyond four gigabytes they begin anew.
    let named = data.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard data.count >= 18 else { throw .broken }
    if named > limit { throw .tooLarge(limit) }
    var capacity = min(limit, max(named, 1024))
    while true {
      var unpacked = Data(count: max(1, capacity))
      let count = unpacked.withUnsafeMutableBytes { to in
        data.withUnsafeBytes { from in
          cwarren_gunzip(
            from.bindMemory(to: UInt8.self).baseAddress, data.count, to.bindMemory(to: UInt8.self).baseAddress, capacity
          )
        }
      }
      if count >= 0 { return unpacked.prefix(count) }
      guard count == CWARREN_GZIP_TOO_LARGE else { throw .broken }
      if capacity == limit { throw .tooLarge(limit) }
      capacity = min(limit, capacity * 8)
    }
  }
}

/// Why a body cannot be unpacked.
enum GZipError: Error, Equatable, CustomStringConvertible {
  case broken
  case tooLarge(Int)

  var description: String {
    switch self {
    case .broken: "the body cannot be unpacked: it is not gzip, or is cut off"
    case .tooLarge(let limit): "the body cannot be unpacked: it would be larger than \(limit) bytes"
    }
  }
}
