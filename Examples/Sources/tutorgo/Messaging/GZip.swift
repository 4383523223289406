internal import CZlib
internal import Foundation
public import Warren

/// Packs large bodies on the way out, by `content_encoding: gzip` as other clients know it, and unpacks them on the way in.
public struct GZip: Middleware {
  private let threshold: Int
  private let limit: Int

  /// - Parameters:
  ///   - threshold: the size in bytes above which a body is packed.
  ///   - limit: the size in bytes to which a body may unpack. A few kilobytes can unpack to gigabytes.
  public init(above threshold: Int, unpackingTo limit: Int = 16 * 1024 * 1024) {
    self.threshold = threshold
    self.limit = limit
  }

  /// Packs the body when it is large, and becomes smaller by it.
  public func publishing(_ publication: inout Publication) throws {
    let message = publication.message
    guard message.body.count > threshold, message.contentEncoding == nil,
      let packed = Self.pack(message.body), packed.count < message.body.count
    else { return }
    publication.message.body = packed
    publication.message.contentEncoding = "gzip"
  }

  /// Unpacks the body. One that is broken, or too large, is a dead letter.
  public func handling(_ delivery: Delivery, next: @Sendable (Delivery) async throws -> Void) async throws {
    guard delivery.message.contentEncoding?.lowercased() == "gzip" else { return try await next(delivery) }
    var delivery = delivery
    do throws(GZipError) {
      delivery.message.body = try Self.unpack(delivery.message.body, to: limit)
    } catch {
      throw Outcome.deadLetter("the body cannot be unpacked: \(error)")
    }
    delivery.message.contentEncoding = nil
    try await next(delivery)
  }

  static func pack(_ data: Data) -> Data? {
    var packed = Data(count: czlib_bound(data.count))
    let capacity = packed.count
    let count = packed.withUnsafeMutableBytes { to in
      data.withUnsafeBytes { from in
        czlib_gzip(
          from.bindMemory(to: UInt8.self).baseAddress, data.count, to.bindMemory(to: UInt8.self).baseAddress, capacity)
      }
    }
    return count > 0 ? packed.prefix(count) : nil
  }

  static func unpack(_ data: Data, to limit: Int) throws(GZipError) -> Data {
    // The last four bytes say how large it was, but a stranger wrote them: the room grows with what comes.
    var capacity = min(limit, max(1024, data.count * 8))
    while true {
      var unpacked = Data(count: capacity)
      let count = unpacked.withUnsafeMutableBytes { to in
        data.withUnsafeBytes { from in
          czlib_gunzip(
            from.bindMemory(to: UInt8.self).baseAddress, data.count, to.bindMemory(to: UInt8.self).baseAddress, capacity
          )
        }
      }
      if count >= 0 { return unpacked.prefix(count) }
      guard count == CZLIB_TOO_LARGE else { throw .broken }
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
    case .broken: "it is not gzip, or is cut off"
    case .tooLarge(let limit): "it would be larger than \(limit) bytes"
    }
  }
}
