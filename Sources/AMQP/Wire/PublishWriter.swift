import NIOCore

extension FrameWriter {
  /// Writes a publish: method, header and body, one behind the other; all of it or nothing.
  ///
  /// Not inlined, because the message is read in place then, and otherwise copied by the caller.
  ///
  /// - Parameters:
  ///   - isResent: Adds the header `x-republished`, as the broker may have the message already.
  ///   - sequence: The number of this publish. Where the message is mandatory it is added as a header, by which a return finds
  ///     it: nothing else in a return is sure to be of one publish only.
  @inline(never) static func writePublish(
    _ message: AMQPMessage, channel: UInt16, isResent: Bool, sequence: UInt64, frameMax: Int,
    to buffer: inout ByteBuffer
  ) throws(WireError) {
    try buffer.encode(room: 512 + message.body.readableBytes) { (writer) throws(WireError) in
      writer.writeInteger(Frame.methodType)
      writer.writeInteger(channel)
      try writer.writeLengthPrefixed { (writer) throws(WireError) in
        writer.writeInteger(UInt32(60 << 16 | 40))
        writer.writeInteger(UInt16(0))
        try writer.write(shortString: message.exchange)
        try writer.write(shortString: message.routingKey)
        writer.writeInteger(UInt8(message.mandatory ? 1 : 0))
      }
      writer.writeInteger(Frame.end)

      let header = writer.count
      try writeHeader(
        isResent ? message.properties.markedAsResent : message.properties,
        sequence: message.mandatory ? sequence : nil,
        bodySize: message.body.readableBytes, channel: channel, to: &writer)
      let size = writer.count - header
      guard size <= frameMax else {
        throw .frame("its properties take \(size) bytes, and a frame holds \(frameMax)")
      }
      writeBody(message.body, channel: channel, frameMax: frameMax, to: &writer)
    }
  }
}

extension AMQPProperties {
  fileprivate var markedAsResent: AMQPProperties {
    var properties = self
    var headers = properties.headers ?? AMQPTable()
    headers["x-republished"] = true
    properties.headers = headers
    return properties
  }
}
