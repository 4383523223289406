import NIOCore

/// Puts the frames of one channel's messages together: method, header, and bodies until the announced size is reached.
///
/// A class, because Swift checks each access to a value that is changed in place within a shared object. It belongs to the
/// channel's event loop.
final class ContentAssembler {
  /// A whole message.
  struct Content: Sendable {
    let method: Method
    let properties: AMQPProperties
    let body: ByteBuffer
  }

  // What has come of the message; none of it: no message is under way. Each part is handed on, not copied.
  private var method: Method?
  private var properties: AMQPProperties?
  private var received: ByteBuffer?
  private var missing = 0
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
    guard bodySize <= UInt64(maxBodySize) else {
      throw .frame("a body of \(bodySize) bytes, but the limit is \(maxBodySize)")
    }
    self.properties = properties
    missing = Int(bodySize)
    return missing == 0 ? whole(ByteBuffer()) : nil
  }

  /// Takes a piece of the body.
  func body(_ bytes: ByteBuffer) throws(WireError) -> Content? {
    guard properties != nil else { throw .unexpected("a content body without its header") }
    guard bytes.readableBytes <= missing else { throw .frame("a body that is longer than its header says") }
    missing -= bytes.readableBytes
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
    return Content(method: method, properties: properties, body: body)
  }
}
