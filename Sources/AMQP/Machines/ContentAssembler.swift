import NIOCore

/// Puts the frames of one channel's messages together: method, header, and bodies until the announced size is reached.
///
/// A message that is too large, or whose header cannot be read, is passed over frame by frame, and what is known of it comes
/// out in its place: the broker would send it again on the next connection, so it must not end this one.
///
/// A class, because Swift checks each access to a value that is changed in place within a shared object. It belongs to the
/// channel's event loop.
final class ContentAssembler {
  /// A whole message, or one that was passed over.
  struct Content: Sendable {
    let method: Method
    let properties: AMQPProperties
    let body: ByteBuffer
    /// Why the body, and perhaps the properties, are missing.
    var refusal: AMQPError?
  }

  // What has come of the message; none of it: no message is under way. Each part is handed on, not copied.
  private var method: Method?
  private var properties: AMQPProperties?
  private var received: ByteBuffer?
  private var refusal: AMQPError?
  private var missing: UInt64 = 0
  /// The largest body that is accepted, in bytes.
  let maxBodySize: Int

  init(maxBodySize: Int) { self.maxBodySize = maxBodySize }

  /// Begins a message.
  func begin(_ method: consuming Method) throws(WireError) {
    try checkIdle()
    self.method = method
  }

  /// Throws if a method must not come now.
  func checkIdle() throws(WireError) {
    guard method == nil else { throw .unexpected("a method inside a message") }
  }

  /// Takes the header. A message without a body is whole with it.
  func header(bodySize: UInt64, _ properties: consuming AMQPProperties) throws(WireError) -> Content? {
    guard method != nil, self.properties == nil else { throw .unexpected("a content header without its method") }
    try check(bodySize)
    self.properties = properties
    missing = bodySize
    if bodySize > UInt64(maxBodySize) {
      refusal = AMQPError(
        .messageTooLarge,
        "A message of \(bodySize) bytes came, and maxInboundBodySize is \(maxBodySize). It was not read: raise the limit to get it."
      )
    }
    return missing == 0 ? whole(ByteBuffer()) : nil
  }

  /// Takes a header that cannot be read.
  func unreadableHeader(bodySize: UInt64, _ error: WireError) throws(WireError) -> Content? {
    guard method != nil, self.properties == nil else { throw .unexpected("a content header without its method") }
    try check(bodySize)
    properties = AMQPProperties()
    missing = bodySize
    refusal = AMQPError(
      .protocolViolation, "A message came whose properties cannot be read: \(error.text). It was passed over.",
      isRetryable: false)
    return missing == 0 ? whole(ByteBuffer()) : nil
  }

  /// No broker keeps such a message, so it could not be passed over either.
  private func check(_ bodySize: UInt64) throws(WireError) {
    guard bodySize <= UInt64(UInt32.max) else { throw .frame("a body of \(bodySize) bytes") }
  }

  /// Takes a piece of the body.
  func body(_ bytes: ByteBuffer) throws(WireError) -> Content? {
    guard properties != nil else { throw .unexpected("a content body without its header") }
    guard UInt64(bytes.readableBytes) <= missing else { throw .frame("a body that is longer than its header says") }
    missing -= UInt64(bytes.readableBytes)
    if refusal != nil { return missing == 0 ? whole(ByteBuffer()) : nil }
    // Grows with what arrives, not with what is promised.
    if received == nil {
      if missing == 0 { return whole(bytes) }
      received = bytes
    } else {
      received?.writeImmutableBuffer(bytes)
    }
    return missing == 0 ? received.take().flatMap(whole) : nil
  }

  private func whole(_ body: ByteBuffer) -> Content? {
    guard let method = method.take(), let properties = properties.take() else { return nil }
    return Content(method: method, properties: properties, body: body, refusal: refusal.take())
  }
}
