import NIOCore

// Reading the primitive types of AMQP: never trusts a length.
extension ByteBuffer {
  /// Reads an integer or says that the peer's data ended too early.
  mutating func amqpInteger<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(WireError) -> T {
    guard let value = readInteger(as: T.self) else { throw .syntax("data ends inside a \(T.self)") }
    return value
  }

  /// Reads a short string: one length byte, then UTF-8. Bytes that are not UTF-8 are mended, as brokers pass on whatever
  /// other clients wrote.
  mutating func amqpShortString() throws(WireError) -> String {
    let length = Int(try amqpInteger(UInt8.self))
    guard let string = readString(length: length) else { throw .syntax("a short string is longer than its frame") }
    return string
  }

  /// Reads a long string as bytes.
  mutating func amqpLongBytes() throws(WireError) -> ByteBuffer {
    let length = Int(try amqpInteger(UInt32.self))
    guard let slice = readSlice(length: length) else { throw .syntax("a long string is longer than its frame") }
    return slice
  }

  /// Reads a long string as text.
  mutating func amqpLongString() throws(WireError) -> String {
    String(buffer: try amqpLongBytes())
  }
}

/// Checks of arguments at the edge of the library, so that nothing half-encoded ever reaches the wire.
enum Limit {
  /// The longest short string, in bytes.
  static let shortString = 255

  /// Throws unless `string` fits a short string.
  static func check(_ string: String, _ what: String) throws(AMQPError) {
    let count = string.utf8.count
    guard count <= shortString else {
      throw AMQPError(
        .invalidArgument, "The \(what) has \(count) bytes; AMQP allows \(shortString). Shorten it: nothing was sent.")
    }
  }
}
