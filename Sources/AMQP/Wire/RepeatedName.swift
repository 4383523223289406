import NIOCore

/// A name that most likely comes again: each delivery of a stream names the same consumer and exchange, and often the same
/// key. Up to 15 bytes a Swift string needs no memory of its own; a longer one is kept and compared with what comes.
struct RepeatedName: Sendable {
  private var last = ""

  /// Reads a short string.
  mutating func read(_ buffer: inout ByteBuffer) throws(WireError) -> String {
    let isSame = buffer.withUnsafeReadableBytes { bytes in
      guard let length = bytes.first, length > 15, bytes.count > Int(length), last.utf8.count == Int(length) else {
        return false
      }
      let name = UnsafeRawBufferPointer(rebasing: bytes[1...Int(length)])
      return last.utf8.withContiguousStorageIfAvailable { name.elementsEqual($0) } ?? false
    }
    if isSame {
      buffer.moveReaderIndex(forwardBy: 1 + last.utf8.count)
      return last
    }
    last = try buffer.amqpShortString()
    return last
  }
}

/// The names in a delivery.
struct DeliveryNames: Sendable {
  var consumerTag = RepeatedName()
  var exchange = RepeatedName()
  var routingKey = RepeatedName()
}
