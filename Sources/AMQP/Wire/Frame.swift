import NIOCore

/// One frame as it came from the wire. Payloads are slices of what was read: nothing is copied.
enum Frame: Sendable, Equatable {
  case method(channel: UInt16, Method)
  case header(channel: UInt16, bodySize: UInt64, AMQPProperties)
  /// A content header whose properties cannot be read, for instance because they nest too deep. The message is lost to this
  /// client, and nothing else is: its frames can be told from those of others.
  case unreadableHeader(channel: UInt16, bodySize: UInt64, WireError)
  case body(channel: UInt16, ByteBuffer)
  case heartbeat

  static let methodType: UInt8 = 1
  static let headerType: UInt8 = 2
  static let bodyType: UInt8 = 3
  static let heartbeatType: UInt8 = 8
  static let end: UInt8 = 0xCE
  /// Seven bytes in front of a payload and one behind it.
  static let overhead = 8
}

/// Cuts a stream of bytes into frames.
///
/// A frame's size is judged from its header, before its payload is waited for. The payload is decoded by a reader of its
/// own, so a method that lies about its fields cannot reach into the next frame.
struct FrameDecoder: Sendable {
  /// RabbitMQ allows 4096 bytes before tuning, from 4.1 on 8192.
  static let frameMaxBeforeTuning = 8192

  /// The largest method or header frame that is read once the connection is tuned. RabbitMQ cuts bodies at the agreed limit but
  /// writes methods and headers whole, and headers grow on their way: each dead-lettering adds to `x-death`. Of a larger header
  /// only the size of its body is read.
  var longFrameMax = 4 << 20

  /// The largest frame that is accepted, in bytes with its overhead.
  var frameMax = FrameDecoder.frameMaxBeforeTuning
  /// Whether the limit was agreed upon. Then methods and headers may exceed it.
  var isTuned = false
  private var buffer = ByteBuffer()
  /// How many bytes of a frame that is not wanted are still to come, its end included.
  private var unwanted = 0
  private var sawFirstByte = false
  private var names = DeliveryNames()

  /// Bytes that wait for the rest of their frame.
  var buffered: Int { buffer.readableBytes }

  /// Adds bytes from the wire.
  mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The next whole frame, or `nil` when more bytes are needed.
  mutating func next() throws(WireError) -> Frame? {
    if unwanted > 0 { try skip() }
    guard unwanted == 0 else { return nil }
    let longest = isTuned ? max(frameMax, longFrameMax) : frameMax
    switch try Self.cut(&buffer, frameMax, longest, isTuned, &sawFirstByte, &names) {
    case .nothing: return nil
    case .frame(let frame): return frame
    case .body(let channel, let length):
      let body = buffer.readSlice(length: length)
      buffer.moveReaderIndex(forwardBy: 1)
      return body.map { .body(channel: channel, $0) }
    case .longHeader(let frame, let rest):
      unwanted = rest + 1
      return frame
    }
  }

  /// Drops what has come of an unwanted frame.
  private mutating func skip() throws(WireError) {
    let count = min(unwanted, buffer.readableBytes)
    unwanted -= count
    guard unwanted == 0 else { return buffer.moveReaderIndex(forwardBy: count) }
    buffer.moveReaderIndex(forwardBy: count - 1)
    guard buffer.readInteger(as: UInt8.self) == Frame.end else { throw .frame("a frame does not end with 0xCE") }
  }

  private enum Cut {
    case nothing
    case frame(Frame)
    /// What is read next are the bytes of a body, which are cut out and not copied, and the frame's end.
    case body(channel: UInt16, length: Int)
    /// A header that is too long to be read, and how much of its payload follows.
    case longHeader(Frame, rest: Int)
  }

  /// Reads the first frame of the buffer if it is whole.
  private static func cut(
    _ buffer: inout ByteBuffer, _ frameMax: Int, _ longest: Int, _ isTuned: Bool, _ sawFirstByte: inout Bool,
    _ names: inout DeliveryNames
  ) throws(WireError) -> Cut {
    try buffer.decode { (reader) throws(WireError) in
      let start = reader
      guard reader.remaining > 0 else { return .nothing }
      let type = try reader.integer(UInt8.self)
      if !sawFirstByte {
        try checkFirst(type)
        sawFirstByte = true
      }
      guard reader.remaining >= 6 else {
        reader = start
        return .nothing
      }
      let channel = try reader.integer(UInt16.self)
      let length = Int(try reader.integer(UInt32.self))
      if length > frameMax - Frame.overhead {
        let isWhole = type == Frame.methodType || type == Frame.headerType
        if length > longest - Frame.overhead || !isWhole {
          guard type == Frame.headerType, isTuned else {
            throw .frame(
              "a frame of \(length) bytes, but the limit is \((isWhole ? longest : frameMax) - Frame.overhead)")
          }
          guard reader.remaining >= headerStart else {
            reader = start
            return .nothing
          }
          let size = try readHeaderStart(&reader)
          let error = WireError.frame("properties of \(length) bytes, but the limit is \(longest - Frame.overhead)")
          return .longHeader(
            .unreadableHeader(channel: channel, bodySize: size, error), rest: length - headerStart)
        }
      }
      guard reader.remaining > length else {
        reader = start
        return .nothing
      }
      let body = reader
      var payload = WireReader(try reader.bytes(length))
      guard try reader.integer(UInt8.self) == Frame.end else { throw .frame("a frame does not end with 0xCE") }
      switch type {
      case Frame.methodType: return .frame(.method(channel: channel, try Method.read(&payload, &names)))
      case Frame.bodyType:
        reader = body
        return .body(channel: channel, length: length)
      case Frame.headerType: return .frame(try readHeader(channel, &payload))
      case Frame.heartbeatType:
        guard channel == 0 else { throw .frame("a heartbeat on channel \(channel)") }
        return .frame(.heartbeat)
      default: throw .frame("unknown frame type \(type)")
      }
    }
  }

  /// Class, weight and size of the body.
  private static var headerStart: Int { 12 }

  private static func readHeaderStart(_ payload: inout WireReader) throws(WireError) -> UInt64 {
    let classID = try payload.integer(UInt16.self)
    _ = try payload.integer(UInt16.self)
    let size = try payload.integer(UInt64.self)
    guard classID == 60 else { throw .frame("a content header of class \(classID)") }
    return size
  }

  private static func readHeader(_ channel: UInt16, _ payload: inout WireReader) throws(WireError) -> Frame {
    let size = try readHeaderStart(&payload)
    do throws(WireError) {
      return .header(channel: channel, bodySize: size, try PropertiesCodec.read(&payload))
    } catch { return .unreadableHeader(channel: channel, bodySize: size, error) }
  }

  /// The first byte of a broker is the type of a method frame. Anything else is not AMQP 0-9-1, and worth a guess at what it is.
  private static func checkFirst(_ byte: UInt8) throws(WireError) {
    switch byte {
    case Frame.methodType: return
    case UInt8(ascii: "A"):
      throw .frame("the peer answered with its own protocol version: it does not speak AMQP 0-9-1")
    case UInt8(ascii: "H"): throw .frame("the peer speaks HTTP: this may be the management port (15672)")
    case 0x15, 0x16: throw .frame("the peer speaks TLS: use amqps:// for this port")
    default: throw .frame("the peer does not speak AMQP: its first byte is \(byte)")
    }
  }
}

/// Writes frames into a buffer.
enum FrameWriter {
  /// `AMQP` and the version 0-9-1, with which a client opens.
  static let protocolHeader: [UInt8] = [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1]
  /// A heartbeat frame.
  static let heartbeat: [UInt8] = [Frame.heartbeatType, 0, 0, 0, 0, 0, 0, Frame.end]

  /// Writes a method frame, whole or not at all.
  static func write(_ method: Method, channel: UInt16, to buffer: inout ByteBuffer) throws(WireError) {
    try buffer.encode(room: 256) { (writer) throws(WireError) in
      writer.writeInteger(Frame.methodType)
      writer.writeInteger(channel)
      try writer.writeLengthPrefixed { (writer) throws(WireError) in try method.write(to: &writer) }
      writer.writeInteger(Frame.end)
    }
  }

  /// Writes a content header frame.
  static func writeHeader(
    _ properties: AMQPProperties, sequence: UInt64? = nil, bodySize: Int, channel: UInt16, to writer: inout WireWriter
  ) throws(WireError) {
    writer.writeInteger(Frame.headerType)
    writer.writeInteger(channel)
    try writer.writeLengthPrefixed { (writer) throws(WireError) in
      writer.writeInteger(UInt16(60))
      writer.writeInteger(UInt16(0))
      writer.writeInteger(UInt64(bodySize))
      try PropertiesCodec.write(properties, sequence: sequence, to: &writer)
    }
    writer.writeInteger(Frame.end)
  }

  /// Writes the body in frames of at most `frameMax` bytes. An empty body has no frame at all.
  static func writeBody(_ body: ByteBuffer, channel: UInt16, frameMax: Int, to writer: inout WireWriter) {
    let chunk = max(1, frameMax - Frame.overhead)
    body.withUnsafeReadableBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: chunk) {
        let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + chunk, bytes.count)])
        writer.writeInteger(Frame.bodyType)
        writer.writeInteger(channel)
        writer.writeInteger(UInt32(piece.count))
        writer.writeBytes(piece)
        writer.writeInteger(Frame.end)
      }
    }
  }
}
