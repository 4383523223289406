import NIOCore

/// Writes the primitive types of AMQP into memory that was set aside.
///
/// Where the memory ends the writer goes on counting, so that the caller who set it aside knows how much to bring the next time.
/// It writes plain bytes at an offset: a message is some twenty small values, and asking a `ByteBuffer` for room and for
/// sole ownership with each of them costs more than the values do.
struct WireWriter {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes were written, or would have been.
  private(set) var count = 0

  init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

  /// Whether everything found room.
  var fits: Bool { count <= memory.count }

  mutating func writeInteger<T: FixedWidthInteger>(_ value: T) {
    let end = count + MemoryLayout<T>.size
    if end <= memory.count { memory.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self) }
    count = end
  }

  /// Writes over something that was written before.
  func setInteger<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    guard offset + MemoryLayout<T>.size <= memory.count else { return }
    memory.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self)
  }

  mutating func writeBytes(_ bytes: UnsafeRawBufferPointer) {
    let end = count + bytes.count
    if end <= memory.count, let source = bytes.baseAddress, let target = memory.baseAddress {
      (target + count).copyMemory(from: source, byteCount: bytes.count)
    }
    count = end
  }

  mutating func writeBytes(_ bytes: ByteBuffer) { bytes.withUnsafeReadableBytes { writeBytes($0) } }

  private mutating func writeText(_ string: String) {
    let isWritten: Void? = string.utf8.withContiguousStorageIfAvailable { writeBytes(UnsafeRawBufferPointer($0)) }
    if isWritten == nil { Array(string.utf8).withUnsafeBytes { writeBytes($0) } }
  }

  /// Writes a short string. The caller has checked the length; the check here keeps a mistake from corrupting the stream.
  mutating func write(shortString string: String) throws(WireError) {
    let length = string.utf8.count
    guard length <= Limit.shortString else { throw .syntax("a short string of \(length) bytes: 255 is the limit") }
    writeInteger(UInt8(length))
    writeText(string)
  }

  /// Writes a long string.
  mutating func write(longString string: String) throws(WireError) {
    let length = string.utf8.count
    guard let fits = UInt32(exactly: length) else { throw .syntax("a long string of \(length) bytes") }
    writeInteger(fits)
    writeText(string)
  }

  /// Writes bytes with their length.
  mutating func write(longBytes bytes: ByteBuffer) throws(WireError) {
    guard let length = UInt32(exactly: bytes.readableBytes) else { throw .syntax("a value of 4 GiB or more") }
    writeInteger(length)
    writeBytes(bytes)
  }

  /// Writes a 32 bit length in front of whatever `body` writes.
  mutating func writeLengthPrefixed(_ body: (inout WireWriter) throws(WireError) -> Void) throws(WireError) {
    let start = count
    writeInteger(UInt32(0))
    try body(&self)
    let length = count - start - 4
    guard let fits = UInt32(exactly: length) else { throw .syntax("a table of \(length) bytes") }
    setInteger(fits, at: start)
  }
}

extension ByteBuffer {
  /// Appends what `body` writes, all of it or nothing. `room` is a guess at the size; a second run follows one too small.
  mutating func encode(
    room: Int, _ body: (inout WireWriter) throws(WireError) -> Void
  ) throws(WireError) {
    var room = room
    while true {
      var failure: WireError?
      var count = 0
      let written = writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
        var writer = WireWriter(memory)
        do throws(WireError) { try body(&writer) } catch {
          failure = error
          return 0
        }
        count = writer.count
        return writer.fits ? count : 0
      }
      if let failure { throw failure }
      if written == count { return }
      room = count
    }
  }
}
