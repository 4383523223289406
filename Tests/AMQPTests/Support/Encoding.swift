import NIOCore

@testable import AMQP

// Whole pieces of the wire, each into a buffer of its own.

extension FrameWriter {
  static func writeHeader(
    _ properties: AMQPProperties, bodySize: Int, channel: UInt16, to buffer: inout ByteBuffer
  ) throws(WireError) {
    try buffer.encode(room: 64) { (writer) throws(WireError) in
      try writeHeader(properties, bodySize: bodySize, channel: channel, to: &writer)
    }
  }

  static func writeBody(_ body: ByteBuffer, channel: UInt16, frameMax: Int, to buffer: inout ByteBuffer) {
    try? buffer.encode(room: 64) { writer in
      writeBody(body, channel: channel, frameMax: frameMax, to: &writer)
    }
  }
}

extension ByteBuffer {
  /// What `body` writes. The first run has no room at all, so that every test sees the second one too.
  init(_ body: (inout WireWriter) throws(WireError) -> Void) throws(WireError) {
    self.init()
    try encode(room: 0, body)
  }
}

extension ByteBuffer {
  mutating func readMethod() throws(WireError) -> Method {
    try decode { (reader) throws(WireError) in try Method.read(&reader) }
  }
  mutating func readTable() throws(WireError) -> AMQPTable {
    try decode { (reader) throws(WireError) in try TableCodec.readTable(&reader) }
  }
  mutating func readProperties() throws(WireError) -> AMQPProperties {
    try decode { (reader) throws(WireError) in try PropertiesCodec.read(&reader) }
  }
  mutating func readValue() throws(WireError) -> AMQPValue {
    try decode { (reader) throws(WireError) in try TableCodec.readValue(&reader, depth: 0) }
  }
}
