import NIOCore

/// A request to the broker and what to do with the answer. It is answered once.
///
/// Unchecked, because it belongs to the connection's event loop.
final class Request: @unchecked Sendable {
  struct Answer {
    let method: Method
    var content: ContentAssembler.Content?
    /// The generation of the channel in which the answer came.
    var generation: UInt64 = 0
  }

  /// Its place in the channel's queue of requests.
  var id: UInt64 = 0
  var timer: Scheduled<Void>?
  private var done: ((Result<Answer, AMQPError>) -> Void)?

  init(_ done: @escaping (Result<Answer, AMQPError>) -> Void) { self.done = done }

  var isOpen: Bool { done != nil }

  func finish(_ result: Result<Answer, AMQPError>) {
    guard let done else { return }
    self.done = nil
    timer?.cancel()
    done(result)
  }
}
