import NIOCore
import Testing

@testable import AMQP

@Suite("Frames")
struct FrameTests {
  /// A stream as a broker sends it: a method, a message of three bodies, a heartbeat, a method.
  static func stream() throws -> (bytes: ByteBuffer, frames: [Frame]) {
    var buffer = ByteBuffer()
    let deliver = Method.basicDeliver(
      BasicDeliver(consumerTag: "c", deliveryTag: 1, redelivered: false, exchange: "e", routingKey: "k"))
    let properties = AMQPProperties(headers: Samples.table)
    try FrameWriter.write(deliver, channel: 1, to: &buffer)
    try FrameWriter.writeHeader(properties, bodySize: 20, channel: 1, to: &buffer)
    FrameWriter.writeBody(ByteBuffer(string: "01234567890123456789"), channel: 1, frameMax: 16, to: &buffer)
    buffer.writeBytes(FrameWriter.heartbeat)
    try FrameWriter.write(.channelOpenOk, channel: 2, to: &buffer)
    return (
      buffer,
      [
        .method(channel: 1, deliver), .header(channel: 1, bodySize: 20, properties),
        .body(channel: 1, ByteBuffer(string: "01234567")), .body(channel: 1, ByteBuffer(string: "89012345")),
        .body(channel: 1, ByteBuffer(string: "6789")), .heartbeat, .method(channel: 2, .channelOpenOk),
      ]
    )
  }

  @Test("Frames come out the same however the stream is cut", arguments: [1, 2, 3, 5, 7, 8, 13, 64, 1000])
  func pieces(_ size: Int) throws {
    let (bytes, frames) = try Self.stream()
    var rest = bytes
    var decoder = FrameDecoder()
    var seen: [Frame] = []
    while let piece = rest.readSlice(length: min(size, rest.readableBytes)), piece.readableBytes > 0 {
      decoder.append(piece)
      while let frame = try decoder.next() { seen.append(frame) }
    }
    #expect(seen == frames)
  }

  @Test("A cut at any offset leaves whole frames before it and waits for the rest")
  func cuts() throws {
    let (bytes, frames) = try Self.stream()
    for offset in 0...bytes.readableBytes {
      var decoder = FrameDecoder()
      decoder.append(bytes.getSlice(at: 0, length: offset) ?? ByteBuffer())
      var seen: [Frame] = []
      while let frame = try decoder.next() { seen.append(frame) }
      #expect(Array(frames.prefix(seen.count)) == seen)
      decoder.append(bytes.getSlice(at: offset, length: bytes.readableBytes - offset) ?? ByteBuffer())
      while let frame = try decoder.next() { seen.append(frame) }
      #expect(seen == frames)
    }
  }

  @Test("A stream with any one byte changed gives frames or a typed error")
  func mutations() throws {
    let (bytes, _) = try Self.stream()
    for offset in 0..<bytes.readableBytes {
      for value in [UInt8(0), 1, 0x7F, 0x80, 0xFF] {
        var mutated = bytes
        mutated.setInteger(value, at: offset)
        var decoder = FrameDecoder()
        decoder.append(mutated)
        do throws(WireError) { while try decoder.next() != nil {} } catch { #expect(error.replyCode >= 500) }
      }
    }
  }

  @Test("A frame over the limit is refused at its header", arguments: [UInt32(8185), 0x7FFF_FFFF, 0xFFFF_FFFF])
  func oversized(_ size: UInt32) {
    var buffer = ByteBuffer()
    buffer.writeMultipleIntegers(Frame.methodType, UInt16(0), size)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    let error = #expect(throws: WireError.self) { _ = try decoder.next() }
    #expect(error?.replyCode == 501)
  }

  @Test("The largest allowed frame passes")
  func largest() throws {
    var buffer = ByteBuffer()
    try FrameWriter.write(.channelOpenOk, channel: 1, to: &buffer)
    let body = ByteBuffer(repeating: 1, count: 8184)
    FrameWriter.writeBody(body, channel: 1, frameMax: 8192, to: &buffer)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    _ = try decoder.next()
    #expect(try decoder.next() == .body(channel: 1, body))
  }

  @Test("Wrong ends, unknown types and heartbeats on a channel are refused with 501")
  func malformed() {
    for (type, channel, end) in [
      (UInt8(1), UInt16(1), UInt8(0xCD)), (9, 1, 0xCE), (0, 1, 0xCE), (8, 1, 0xCE),
    ] {
      var buffer = ByteBuffer()
      try? FrameWriter.write(.channelOpenOk, channel: 1, to: &buffer)
      buffer.writeMultipleIntegers(type, channel, UInt32(4), UInt32(20 << 16 | 41), end)
      var decoder = FrameDecoder()
      decoder.append(buffer)
      _ = try? decoder.next()
      let error = #expect(throws: WireError.self) { _ = try decoder.next() }
      #expect(error?.replyCode == 501)
    }
  }

  @Test(
    "What is no broker is named",
    arguments: ["AMQP\u{0}\u{1}\u{1}\u{0}", "HTTP/1.1 400", "\u{15}\u{3}\u{1}", "SSH-2.0"])
  func otherProtocols(_ text: String) {
    var decoder = FrameDecoder()
    decoder.append(ByteBuffer(string: text))
    #expect(throws: WireError.self) { _ = try decoder.next() }
  }

  @Test("Bodies are split at frame_max minus eight, and an empty body has no frame")
  func split() throws {
    for (size, frames) in [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3)] {
      var buffer = ByteBuffer()
      FrameWriter.writeBody(ByteBuffer(repeating: 1, count: size), channel: 1, frameMax: 108, to: &buffer)
      #expect(buffer.readableBytes == size + frames * 8)
    }
  }

  @Test("A publish is written as method, header and body")
  func publish() throws {
    let message = AMQPMessage(exchange: "e", routingKey: "k", properties: .init(messageID: "m"), body: "hello")
    var buffer = ByteBuffer()
    try FrameWriter.writePublish(message, channel: 3, isResent: true, sequence: 7, frameMax: 8192, to: &buffer)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    #expect(
      try decoder.next()
        == .method(channel: 3, .basicPublish(exchange: "e", routingKey: "k", mandatory: true, immediate: false)))
    let properties = AMQPProperties(
      headers: ["x-republished": true, PropertiesCodec.sequenceHeader: 7], messageID: "m")
    #expect(try decoder.next() == .header(channel: 3, bodySize: 5, properties))
    #expect(try decoder.next() == .body(channel: 3, ByteBuffer(string: "hello")))
  }

  @Test(
    "Only a publish that may come back carries its number",
    arguments: [(true, nil, true), (true, "m", true), (false, nil, false)])
  func sequenceHeader(mandatory: Bool, messageID: String?, isWritten: Bool) throws {
    let message = AMQPMessage(routingKey: "k", mandatory: mandatory, properties: .init(messageID: messageID), body: "")
    var buffer = ByteBuffer()
    try FrameWriter.writePublish(message, channel: 1, isResent: false, sequence: 7, frameMax: 8192, to: &buffer)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    _ = try decoder.next()
    let headers: AMQPTable? = isWritten ? [PropertiesCodec.sequenceHeader: 7] : nil
    #expect(try decoder.next() == .header(channel: 1, bodySize: 0, .init(headers: headers, messageID: messageID)))
  }

  @Test("Properties that do not fit a frame are refused")
  func hugeHeaders() {
    let message = AMQPMessage(
      routingKey: "k", properties: .init(headers: ["h": .string(String(repeating: "x", count: 9000))]), body: "")
    var buffer = ByteBuffer()
    #expect(throws: WireError.self) {
      try FrameWriter.writePublish(message, channel: 1, isResent: false, sequence: 7, frameMax: 8192, to: &buffer)
    }
  }

  @Test("Once the connection is tuned, methods and headers may exceed the limit, and bodies may not")
  func longFrames() throws {
    let long = AMQPProperties(headers: ["h": .string(String(repeating: "x", count: 20_000))])
    var buffer = ByteBuffer()
    try FrameWriter.write(.channelOpenOk, channel: 1, to: &buffer)
    try FrameWriter.writeHeader(long, bodySize: 1, channel: 1, to: &buffer)
    var decoder = FrameDecoder()
    decoder.append(buffer)
    _ = try decoder.next()
    #expect(throws: WireError.self) { _ = try decoder.next() }
    decoder = FrameDecoder()
    decoder.isTuned = true
    FrameWriter.writeBody(ByteBuffer(repeating: 1, count: 9000), channel: 1, frameMax: 10_000, to: &buffer)
    decoder.append(buffer)
    _ = try decoder.next()
    #expect(try decoder.next() == .header(channel: 1, bodySize: 1, long))
    #expect(throws: WireError.self) { _ = try decoder.next() }
  }

  @Test(
    "A header beyond the cap is passed over without being kept, however the stream is cut",
    arguments: [1, 7, 100, 5000], [8192, 15_000])
  func headerBeyondTheCap(_ size: Int, _ frameMax: Int) throws {
    let long = AMQPProperties(headers: ["h": .string(String(repeating: "x", count: 20_000))])
    var buffer = ByteBuffer()
    try FrameWriter.write(.channelOpenOk, channel: 1, to: &buffer)
    try FrameWriter.writeHeader(long, bodySize: 9, channel: 1, to: &buffer)
    try FrameWriter.write(.channelCloseOk, channel: 1, to: &buffer)
    var decoder = FrameDecoder()
    decoder.isTuned = true
    // Large frames may be agreed upon, too.
    decoder.frameMax = frameMax
    decoder.longFrameMax = 10_000
    var seen: [Frame] = []
    while let piece = buffer.readSlice(length: min(size, buffer.readableBytes)), piece.readableBytes > 0 {
      decoder.append(piece)
      while let frame = try decoder.next() { seen.append(frame) }
      #expect(decoder.buffered < 100)
    }
    #expect(seen.count == 3)
    guard case .unreadableHeader(1, bodySize: 9, let error) = seen[1] else {
      Issue.record("\(seen[1])")
      return
    }
    #expect(error.replyCode == 501)
    #expect(seen[2] == .method(channel: 1, .channelCloseOk))
  }

  @Test("Properties that cannot be read cost their message and not the stream")
  func unreadableProperties() throws {
    for payload: [UInt8] in [
      [0, 2], [0x20, 0, 0, 0, 0, 4, 1, 0x6B, 0x7E, 0], [0x20, 0, 0, 0, 0, 9, 1], [0xFF, 0xFE], [],
    ] {
      var buffer = ByteBuffer()
      try FrameWriter.write(.channelOpenOk, channel: 1, to: &buffer)
      buffer.writeMultipleIntegers(
        Frame.headerType, UInt16(1), UInt32(12 + payload.count), UInt16(60), UInt16(0), UInt64(5))
      buffer.writeBytes(payload)
      buffer.writeInteger(Frame.end)
      try FrameWriter.write(.channelCloseOk, channel: 1, to: &buffer)
      var decoder = FrameDecoder()
      decoder.append(buffer)
      _ = try decoder.next()
      guard case .unreadableHeader(1, bodySize: 5, _) = try decoder.next() else {
        Issue.record("\(payload)")
        continue
      }
      #expect(try decoder.next() == .method(channel: 1, .channelCloseOk))
    }
  }
}
