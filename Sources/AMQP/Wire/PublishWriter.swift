import NIOCore

extension FrameWriter {
  /// Writes a publish: method, header and body, one behind the other. The caller takes back what was written if this throws.
  ///
  /// - Parameters:
  ///   - isResent: Adds the header `x-republished`, as the broker may have the message already.
  ///   - sequence: Adds a header by which a return finds this publish.
  static func writePublish(
    _ message: AMQPMessage, channel: UInt16, isResent: Bool, sequence: UInt64?, frameMax: Int,
    to buffer: inout ByteBuffer
  ) throws(WireError) {
    let methodSize = 4 + 2 + 1 + message.exchange.utf8.count + 1 + message.routingKey.utf8.count + 1
    buffer.writeMultipleIntegers(
      Frame.methodType, channel, UInt32(truncatingIfNeeded: methodSize), UInt32(60 << 16 | 40), UInt16(0))
    try buffer.amqpWrite(shortString: message.exchange)
    try buffer.amqpWrite(shortString: message.routingKey)
    buffer.writeMultipleIntegers(UInt8(message.mandatory ? 1 : 0), Frame.end)

    let header = buffer.writerIndex
    if isResent {
      var properties = message.properties
      var headers = properties.headers ?? AMQPTable()
      headers["x-republished"] = true
      properties.headers = headers
      try writeHeader(
        properties, sequence: sequence, bodySize: message.body.readableBytes, channel: channel, to: &buffer)
    } else {
      try writeHeader(
        message.properties, sequence: sequence, bodySize: message.body.readableBytes, channel: channel, to: &buffer)
    }
    let size = buffer.writerIndex - header
    guard size <= frameMax else {
      throw .frame("its properties take \(size) bytes, and a frame holds \(frameMax)")
    }
    writeBody(message.body, channel: channel, frameMax: frameMax, to: &buffer)
  }
}
