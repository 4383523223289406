import NIOCore
import Synchronization

/// One call of publish: its messages, what became of each, and the task that waits.
///
/// Results are written on the event loop only. The continuation is behind a lock because a cancelled task takes it too.
final class PublishTicket: @unchecked Sendable {
  private enum Waiting {
    case notYet
    case waiting(UnsafeContinuation<Bool, Never>)
    case done
  }

  let messages: [AMQPMessage]
  let deadline: NIODeadline
  private let waiting = Mutex(Waiting.notYet)
  private var remaining: Int
  private var single: AMQPPublishResult?
  private var several: [AMQPPublishResult?] = []
  /// Results that came with a return and hold until the confirm.
  private var returned: [Int: AMQPPublishResult]?

  init(_ messages: [AMQPMessage], deadline: NIODeadline) {
    self.messages = messages
    self.deadline = deadline
    remaining = messages.count
    if messages.count > 1 { several = Array(repeating: nil, count: messages.count) }
  }

  // MARK: The waiting task

  /// Stores who waits. Returns false if the task was cancelled before.
  func wait(_ continuation: UnsafeContinuation<Bool, Never>) -> Bool {
    waiting.withLock { waiting in
      if case .done = waiting { return false }
      waiting = .waiting(continuation)
      return true
    }
  }

  /// Stops waiting. What was sent stays sent, and its place in the window stays taken.
  func cancel() {
    takeContinuation()?.resume(returning: false)
  }

  /// Whether the task went away. Then nobody reads the results.
  var isAbandoned: Bool { waiting.withLock { if case .done = $0 { true } else { false } } }

  private func takeContinuation() -> UnsafeContinuation<Bool, Never>? {
    waiting.withLock { waiting in
      defer { waiting = .done }
      if case .waiting(let continuation) = waiting { return continuation } else { return nil }
    }
  }

  // MARK: On the event loop

  /// Whether the message still waits for its result.
  func isOpen(_ index: Int) -> Bool { messages.count == 1 ? single == nil : several[index] == nil }

  /// Notes that the broker handed the message back. The confirm that follows completes it.
  func returned(_ index: Int, _ result: AMQPPublishResult) {
    returned = returned ?? [:]
    returned?[index] = result
  }

  /// Whether the broker handed the message back already.
  func isReturned(_ index: Int) -> Bool { returned?[index] != nil }

  /// Sets the result of an open message and returns what it came to. Adds the task to `resumptions` when it was the last one.
  func complete(_ index: Int, _ result: AMQPPublishResult, _ resumptions: inout Resumptions) -> AMQPPublishResult {
    let final = returned?[index] ?? result
    if messages.count == 1 { single = final } else { several[index] = final }
    remaining -= 1
    if remaining == 0, let continuation = takeContinuation() { resumptions.append(continuation) }
    return final
  }

  // MARK: The waiting task, once it was resumed with `true`

  /// The results in the order of the messages.
  var results: [AMQPPublishResult] { messages.count == 1 ? [result] : several.compactMap(\.self) }

  /// The result of a ticket of one message.
  var result: AMQPPublishResult { single ?? .unknown(AMQPError(.cancelled, "The publish has no result.")) }
}

/// Tasks to resume once the state that they look at is settled: all at once, outside of every lock.
struct Resumptions {
  private var continuations: [UnsafeContinuation<Bool, Never>] = []

  mutating func append(_ continuation: UnsafeContinuation<Bool, Never>) { continuations.append(continuation) }

  mutating func resumeAll() {
    for continuation in continuations { continuation.resume(returning: true) }
    continuations.removeAll(keepingCapacity: true)
  }
}
