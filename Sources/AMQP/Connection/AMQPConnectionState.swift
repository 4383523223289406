import Synchronization

/// What a connection is doing.
public enum AMQPConnectionState: Sendable, Equatable {
  /// `run()` has not been called.
  case idle
  /// The first connection is being opened.
  case connecting
  /// Everything works.
  case open
  /// The broker takes no messages, for instance because it is short of memory. Publishes wait; all else works.
  case blocked(reason: String)
  /// The connection was lost for this reason and is being opened again.
  case recovering(AMQPError)
  /// This side closed the connection.
  case closed
  /// The connection ended for good.
  case failed(AMQPError)

  /// Whether the connection will not do anything any more.
  public var isFinal: Bool {
    switch self {
    case .closed, .failed: true
    default: false
    }
  }
}

/// The current state and all that follow it.
final class StateBox: Sendable {
  private struct Box {
    var state = AMQPConnectionState.idle
    var followers: [Int: AsyncStream<AMQPConnectionState>.Continuation] = [:]
    var nextID = 0
  }

  private let box = Mutex(Box())

  var state: AMQPConnectionState { box.withLock { $0.state } }

  /// A final state is final.
  func set(_ state: AMQPConnectionState) {
    let followers = box.withLock { box -> [AsyncStream<AMQPConnectionState>.Continuation] in
      guard !box.state.isFinal else { return [] }
      box.state = state
      defer { if state.isFinal { box.followers = [:] } }
      return Array(box.followers.values)
    }
    for follower in followers {
      follower.yield(state)
      if state.isFinal { follower.finish() }
    }
  }

  /// The state now, and each one after it. A slow reader sees the newest 16.
  func follow() -> AsyncStream<AMQPConnectionState> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: AMQPConnectionState.self, bufferingPolicy: .bufferingNewest(16))
    box.withLock { box in
      continuation.yield(box.state)
      if box.state.isFinal {
        continuation.finish()
      } else {
        let id = box.nextID
        box.nextID += 1
        box.followers[id] = continuation
        continuation.onTermination = { [weak self] _ in
          self?.box.withLock { _ = $0.followers.removeValue(forKey: id) }
        }
      }
    }
    return stream
  }
}
