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

  private enum State: Sendable {
    case idle
    case header(Method)
    case body(Method, AMQPProperties, missing: Int, received: ByteBuffer?)
  }

  private var state = State.idle
  /// The largest body that is accepted, in bytes.
  let maxBodySize: Int

  init(maxBodySize: Int) { self.maxBodySize = maxBodySize }

  /// Begins a message.
  func begin(_ method: Method) throws(WireError) {
    guard case .idle = state else { throw .unexpected("a method inside a message") }
    state = .header(method)
  }

  /// Throws if a method must not come now.
  func checkIdle() throws(WireError) {
    guard case .idle = state else { throw .unexpected("a method inside a message") }
  }

  /// Takes the header. A message without a body is whole with it.
  func header(bodySize: UInt64, _ properties: AMQPProperties) throws(WireError) -> Content? {
    guard case .header(let method) = state else { throw .unexpected("a content header without its method") }
    guard bodySize <= UInt64(maxBodySize) else {
      throw .frame("a body of \(bodySize) bytes, but the limit is \(maxBodySize)")
    }
    if bodySize == 0 {
      state = .idle
      return Content(method: method, properties: properties, body: ByteBuffer())
    }
    state = .body(method, properties, missing: Int(bodySize), received: nil)
    return nil
  }

  /// Takes a piece of the body.
  func body(_ bytes: ByteBuffer) throws(WireError) -> Content? {
    guard case .body(let method, let properties, let missing, var received) = state else {
      throw .unexpected("a content body without its header")
    }
    guard bytes.readableBytes <= missing else {
      throw .frame("a body that is longer than its header says")
    }
    state = .idle
    if bytes.readableBytes == missing {
      guard var whole = received else { return Content(method: method, properties: properties, body: bytes) }
      received = nil
      whole.writeImmutableBuffer(bytes)
      return Content(method: method, properties: properties, body: whole)
    }
    // Grows with what arrives, not with what is promised.
    if received == nil { received = bytes } else { received?.writeImmutableBuffer(bytes) }
    state = .body(method, properties, missing: missing - bytes.readableBytes, received: received)
    return nil
  }
}
