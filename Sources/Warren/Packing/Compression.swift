public import Foundation

/// Whether large bodies are packed on their way out: by gzip, with `content_encoding: gzip`, as other clients know it.
///
/// ```swift
/// let bus = EventBus(broker, exchange: .topic("shop"), source: "catalog", compression: .gzip(above: 8192))
/// ```
/// A type of message can have its own: see ``TypedMessage/compression``. A worker unpacks gzip by itself, whether or not it was
/// published by Warren.
public struct Compression: Sendable, Equatable {
  /// Bodies of more bytes are packed; `nil`: none is.
  public let threshold: Int?

  /// Bodies go as they are.
  public static let none = Compression(threshold: nil)

  /// Packs bodies of more than so many bytes, where that makes them smaller.
  public static func gzip(above threshold: Int = 4096) -> Compression { Compression(threshold: max(0, threshold)) }

  /// A body packed; `nil` when it is to go as it is, because it is small, or would not become smaller.
  public func packed(_ body: Data) -> Data? {
    guard let threshold, body.count > threshold, let packed = GZip.pack(body), packed.count < body.count else {
      return nil
    }
    return packed
  }
}
