import NIOCore

/// Reads the primitive types of AMQP from bytes that stay where they are meanwhile. It never trusts a length.
///
/// It reads plain memory at an offset, as ``WireWriter`` writes it: a delivery is some twenty small values, and asking a
/// `ByteBuffer` for its memory with each of them costs more than the values do.
struct WireReader {
  private let memory: UnsafeRawBufferPointer
  private var offset = 0

  init(_ memory: UnsafeRawBufferPointer) { self.memory = memory }

  /// Whether everything was read.
  var isAtEnd: Bool { offset == memory.count }
  /// How many bytes were read.
  var count: Int { offset }
  /// How many bytes are left.
  var remaining: Int { memory.count - offset }

  /// Reads an integer, or says that the peer's data ended too early.
  @inline(__always)
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(WireError) -> T {
    guard memory.count - offset >= MemoryLayout<T>.size else { throw Self.endsInside(T.self) }
    defer { offset += MemoryLayout<T>.size }
    return T(bigEndian: memory.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Apart, so that what is inlined stays small.
  @inline(never)
  private static func endsInside<T>(_ type: T.Type) -> WireError { .syntax("data ends inside a \(type)") }

  /// Reads so many bytes.
  @inline(__always)
  mutating func bytes(_ count: Int) throws(WireError) -> UnsafeRawBufferPointer {
    guard memory.count - offset >= count else { throw .syntax("a string is longer than its frame") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: memory[offset..<offset + count])
  }

  /// Reads a short string as bytes.
  mutating func shortBytes() throws(WireError) -> UnsafeRawBufferPointer {
    try bytes(Int(try integer(UInt8.self)))
  }

  /// Reads a short string: one length byte, then UTF-8. Bytes that are not UTF-8 are replaced, as brokers pass on whatever other
  /// clients wrote.
  mutating func shortString() throws(WireError) -> String { String(decoding: try shortBytes(), as: UTF8.self) }

  /// Reads a long string as bytes.
  mutating func longBytes() throws(WireError) -> ByteBuffer {
    ByteBuffer(bytes: try bytes(Int(try integer(UInt32.self))))
  }

  /// Reads a long string as text.
  mutating func longString() throws(WireError) -> String {
    String(decoding: try bytes(Int(try integer(UInt32.self))), as: UTF8.self)
  }

  /// What stands behind a length, to be read by itself.
  mutating func nested() throws(WireError) -> WireReader {
    WireReader(try bytes(Int(try integer(UInt32.self))))
  }
}

extension ByteBuffer {
  /// Reads what is readable, and moves on behind what `body` took.
  mutating func decode<Value>(_ body: (inout WireReader) throws(WireError) -> Value) throws(WireError) -> Value {
    var failure: WireError?
    var count = 0
    let value = withUnsafeReadableBytes { bytes -> Value? in
      var reader = WireReader(bytes)
      do throws(WireError) {
        let value = try body(&reader)
        count = reader.count
        return value
      } catch {
        failure = error
        return nil
      }
    }
    if let failure { throw failure }
    guard let value else { throw .syntax("nothing was read") }
    moveReaderIndex(forwardBy: count)
    return value
  }
}
