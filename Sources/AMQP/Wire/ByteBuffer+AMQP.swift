import NIOCore

// The primitive types of AMQP. Reading never trusts a length; writing never truncates one.
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

  /// Writes a short string. The caller has checked the length; the check here keeps a slip from corrupting the stream.
  mutating func amqpWrite(shortString string: String) throws(WireError) {
    let count = string.utf8.count
    guard count <= 255 else { throw .syntax("a short string of \(count) bytes: 255 is the limit") }
    writeInteger(UInt8(count))
    writeString(string)
  }

  /// Writes a long string.
  mutating func amqpWrite(longString string: String) throws(WireError) {
    let count = string.utf8.count
    guard count <= Int(UInt32.max) else { throw .syntax("a long string of \(count) bytes") }
    writeInteger(UInt32(count))
    writeString(string)
  }

  /// Writes a 32 bit length in front of whatever `body` writes.
  mutating func amqpWriteLengthPrefixed(_ body: (inout ByteBuffer) throws(WireError) -> Void) throws(WireError) {
    let start = writerIndex
    writeInteger(UInt32(0))
    try body(&self)
    let length = writerIndex - start - 4
    guard let fits = UInt32(exactly: length) else { throw .syntax("a table of \(length) bytes") }
    setInteger(fits, at: start)
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
