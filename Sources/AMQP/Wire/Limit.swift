import NIOCore

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

  /// Throws unless a request can be encoded and fits into one frame: a broker closes the connection over a larger one.
  ///
  /// - parameter frameMax: The largest frame to write, with its overhead; 0 for no limit.
  static func check(_ method: Method, frameMax: Int) throws(AMQPError) {
    var scratch = ByteBuffer()
    do throws(WireError) { try FrameWriter.write(method, channel: 1, to: &scratch) } catch {
      throw AMQPError(
        .invalidArgument, "The request cannot be sent: \(error.text). Correct its arguments: nothing was sent.")
    }
    guard frameMax == 0 || scratch.readableBytes <= frameMax else {
      throw AMQPError(
        .invalidArgument,
        "The request takes \(scratch.readableBytes) bytes, but a frame has \(frameMax) at most. Shorten its arguments: nothing "
          + "was sent.")
    }
  }
}
