import NIOCore

extension CloseReason {
  /// Whether what the broker refused on a channel may be granted later, though nothing was corrected.
  var isTransient: Bool {
    switch replyCode {
    // Held by another consumer, perhaps one of a connection of this client that the broker takes for alive.
    case 403: replyText.contains("exclusive use")
    // What is not there says so; a queue whose node is down is there and says all sorts of things.
    case 404: !Self.isMissing(replyText)
    // An exclusive queue of the connection before may linger for a moment.
    case 405: true
    // A consumer that did not settle in time may begin again.
    case 406: replyText.contains("timed out") || replyText.contains("timeout")
    // The broker's own trouble.
    case 506, 541: true
    default: false
    }
  }

  /// Whether it names this method as the cause.
  func isOver(_ method: Method) -> Bool { classID == method.id.classID && methodID == method.id.methodID }

  /// Whether the cause is a secret that the broker was told.
  var isOverSecret: Bool { isOver(.connectionUpdateSecret(secret: ByteBuffer(), reason: "")) }

  /// Whether this method can be the cause. A broker that does not name it gives zeros.
  func mayBeOver(_ method: Method) -> Bool { classID == 0 || isOver(method) }

  private static func isMissing(_ text: String) -> Bool {
    let words = text.hasPrefix("NOT_FOUND - ") ? text.dropFirst(12) : text[...]
    return words.hasPrefix("no ") || words.hasSuffix("not found") || words.contains("does not exist")
  }
}
