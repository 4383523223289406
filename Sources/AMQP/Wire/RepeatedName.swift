#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Android)
  import Android
#else
  import Darwin
#endif

/// A name that most likely comes again: each delivery of a stream names the same consumer and exchange, and often the same
/// key. It is kept and compared with what comes, which costs less than to make it anew.
struct RepeatedName: Sendable {
  private var last = ""

  /// Reads a short string.
  mutating func read(_ reader: inout WireReader) throws(WireError) -> String {
    let bytes = try reader.shortBytes()
    if !isLast(bytes) { last = String(decoding: bytes, as: UTF8.self) }
    return last
  }

  private func isLast(_ bytes: UnsafeRawBufferPointer) -> Bool {
    last.utf8.withContiguousStorageIfAvailable { known in
      guard known.count == bytes.count else { return false }
      guard let a = known.baseAddress, let b = bytes.baseAddress else { return known.isEmpty }
      return memcmp(a, b, known.count) == 0
    } ?? false
  }
}

/// The names in a delivery.
struct DeliveryNames: Sendable {
  var consumerTag = RepeatedName()
  var exchange = RepeatedName()
  var routingKey = RepeatedName()
}
