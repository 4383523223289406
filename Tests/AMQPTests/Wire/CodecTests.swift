import NIOCore
import Testing

@testable import AMQP

@Suite("Wire codec")
struct CodecTests {
  @Test("Every method comes back as it was written", arguments: Samples.methods)
  func methodRoundTrip(_ method: Method) throws {
    var buffer = ByteBuffer()
    try FrameWriter.write(method, channel: 5, to: &buffer)
    var decoder = FrameDecoder()
    // The first frame of a stream must be a method, so all of these may stand there.
    decoder.append(buffer)
    #expect(try decoder.next() == .method(channel: 5, method))
    #expect(try decoder.next() == nil)
    #expect(decoder.buffered == 0)
  }

  @Test("There is a sample of each of the 66 methods")
  func samplesAreComplete() {
    #expect(Set(Samples.methods.map(\.id)).count == 66)
  }

  @Test("A method cut short is an error at every length, and never a trap", arguments: Samples.methods)
  func truncatedMethods(_ method: Method) throws {
    let whole = try ByteBuffer { writer throws(WireError) in try method.write(to: &writer) }
    for length in 0..<whole.readableBytes {
      var cut = whole.getSlice(at: 0, length: length) ?? ByteBuffer()
      // Trailing fields that are reserved may be missing; anything else must be noticed.
      _ = try? cut.readMethod()
    }
  }

  @Test("Bytes after the last field of a method are skipped and not read as the next frame")
  func leftovers() throws {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(Frame.methodType, UInt16(1), UInt32(7), UInt16(20), UInt16(41), UInt8(8), UInt16(0))
    buffer.writeInteger(Frame.end)
    try FrameWriter.write(.channelOpenOk, channel: 2, to: &buffer)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    #expect(try decoder.next() == .method(channel: 1, .channelCloseOk))
    #expect(try decoder.next() == .method(channel: 2, .channelOpenOk))
  }

  @Test("A table with every type of field comes back, in order")
  func tableRoundTrip() throws {
    var buffer = try ByteBuffer { writer throws(WireError) in try TableCodec.write(Samples.table, to: &writer) }
    let back = try buffer.readTable()
    #expect(back == Samples.table)
    #expect(back.map(\.key) == Samples.table.map(\.key))
    #expect(buffer.readableBytes == 0)
  }

  @Test("Both l and L are signed 64 bit integers, s is a signed 16 bit integer")
  func rabbitTags() throws {
    for (tag, bytes, value) in [
      ("l", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], AMQPValue.int64(-2)),
      ("L", [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], .int64(-2)), ("s", [0xFF, 0xFE], .int16(-2)),
      ("u", [0xFF, 0xFE], .uint16(65534)), ("b", [0xFE], .int8(-2)), ("B", [0xFE], .uint8(254)),
    ] as [(String, [UInt8], AMQPValue)] {
      var buffer = ByteBuffer(string: tag)
      buffer.writeBytes(bytes)
      #expect(try buffer.readValue() == value)
    }
  }

  @Test("Of two fields of one name the first counts, in short and in long tables", arguments: [2, 40])
  func duplicates(_ count: Int) throws {
    var fields = ByteBuffer()
    for index in 0..<count {
      let key = "k\(index / 2)"
      fields.writeInteger(UInt8(key.utf8.count))
      fields.writeString(key)
      fields.writeString("I")
      fields.writeInteger(Int32(index))
    }
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt32(fields.readableBytes))
    buffer.writeImmutableBuffer(fields)
    let table = try buffer.readTable()
    #expect(table.count == count / 2)
    #expect(table["k0"] == .int32(0))
  }

  @Test("30,000 nested tables are an error and no stack overflow", arguments: ["F", "A"])
  func nesting(_ tag: String) throws {
    var buffer = ByteBuffer()
    let depth = 30_000
    for level in 0..<depth {
      let rest = (depth - level) * (tag == "F" ? 6 : 5)
      if level == 0 { buffer.writeInteger(UInt32(rest)) }
      if tag == "F" || level == 0 { buffer.writeInteger(UInt8(0)) }
      buffer.writeString(tag)
      buffer.writeInteger(UInt32(max(0, rest - 6)))
    }
    #expect(throws: WireError.self) { _ = try buffer.readTable() }
  }

  @Test("A table that nests too deep is refused when it is written, too")
  func nestingOut() {
    var table: AMQPTable = [:]
    for _ in 0..<40 { table = ["t": .table(table)] }
    #expect(throws: WireError.self) {
      try ByteBuffer { writer throws(WireError) in try TableCodec.write(table, to: &writer) }
    }
  }

  @Test("Lengths beyond the data are errors", arguments: [UInt32(0xFFFF_FFFF), 0x8000_0000, 100])
  func lengths(_ length: UInt32) {
    for tag in ["S", "x", "A", "F"] {
      var buffer = ByteBuffer(string: tag)
      buffer.writeInteger(length)
      buffer.writeString("abc")
      #expect(throws: WireError.self) { _ = try buffer.readValue() }
    }
  }

  @Test("Properties come back: all, none, and each alone")
  func properties() throws {
    var all = AMQPProperties(
      contentType: "a", contentEncoding: "b", headers: Samples.table, deliveryMode: .transient, priority: 9,
      correlationID: "c", replyTo: "d", expiration: "e", messageID: "f", timestamp: .max, type: "g", userID: "h",
      appID: "i")
    all.clusterID = "j"
    for properties in [
      all, AMQPProperties(), .persistent, AMQPProperties(headers: [:]), AMQPProperties(timestamp: 0),
      AMQPProperties(appID: ""),
    ] {
      var buffer = try ByteBuffer { writer throws(WireError) in try PropertiesCodec.write(properties, to: &writer) }
      #expect(try buffer.readProperties() == properties)
      #expect(buffer.readableBytes == 0)
    }
  }

  @Test("A continued word of flags is read; unknown flags are refused")
  func propertyFlags() throws {
    var continued = ByteBuffer()
    continued.writeMultipleIntegers(UInt16(0x0801), UInt16(0), UInt8(4))
    #expect(try continued.readProperties().priority == 4)
    for words in [[UInt16(2)], [1, 8], [1, 1, 0x8000]] {
      var buffer = ByteBuffer()
      for word in words { buffer.writeInteger(word) }
      #expect(throws: WireError.self) { _ = try buffer.readProperties() }
    }
  }

  @Test("A short string holds 255 bytes and not 256, counted in bytes")
  func shortStrings() throws {
    func write(_ string: String) throws -> ByteBuffer {
      try ByteBuffer { writer throws(WireError) in try writer.write(shortString: string) }
    }
    #expect(try write(String(repeating: "x", count: 255)).readableBytes == 256)
    #expect(throws: WireError.self) { try write(String(repeating: "ü", count: 128)) }
    func refusal(_ key: String) -> AMQPError? { AMQPMessage(routingKey: key, body: "").refusal(maxBodySize: 10) }
    #expect(refusal(String(repeating: "ü", count: 128))?.code == .invalidArgument)
    #expect(refusal(String(repeating: "x", count: 255)) == nil)
  }

  @Test("Random bytes never trap the decoders")
  func noise() {
    var generator = Seeded(state: 42)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      var one = ByteBuffer(bytes: bytes)
      _ = try? one.readMethod()
      var two = ByteBuffer(bytes: bytes)
      _ = try? two.readProperties()
      var three = ByteBuffer(bytes: bytes)
      _ = try? three.readTable()
    }
  }
}

/// A generator that repeats, so that a failure can be seen again.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
