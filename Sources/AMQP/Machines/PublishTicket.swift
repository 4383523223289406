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
  var count: Int { messages.count }
  let deadline: NIODeadline
  private let waiting = Mutex(Waiting.notYet)
  /// Unchecked, as nothing that is called while it changes comes back here, and it changes with each message.
  @exclusivity(unchecked) private var progress: Progress

  init(_ message: AMQPMessage, deadline: NIODeadline) {
    messages = [message]
    self.deadline = deadline
    progress = Progress(1)
  }

  init(_ messages: [AMQPMessage], deadline: NIODeadline) {
    self.messages = messages
    self.deadline = deadline
    progress = Progress(messages.count)
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

  /// Whether the task went away. Then the results are not read.
  var isAbandoned: Bool { waiting.withLock { if case .done = $0 { true } else { false } } }

  private func takeContinuation() -> UnsafeContinuation<Bool, Never>? {
    waiting.withLock { waiting in
      defer { waiting = .done }
      if case .waiting(let continuation) = waiting { return continuation } else { return nil }
    }
  }

  // MARK: On the event loop

  /// Whether the message still waits for its result.
  func isOpen(_ index: Int) -> Bool { progress.isOpen(index) }

  /// Sets the result of a message, unless it has one, and counts it. Adds the task to `completions` when it was the last one.
  func complete(_ index: Int, _ result: AMQPPublishResult, _ completions: inout Completions) {
    switch progress.complete(index, result) {
    case .wasDone: break
    case .confirmed(let isLast):
      completions.confirmed += 1
      if isLast, let continuation = takeContinuation() { completions.append(continuation) }
    case .failed(let isLast):
      completions.count(result)
      if isLast, let continuation = takeContinuation() { completions.append(continuation) }
    }
  }

  // MARK: The waiting task, once it was resumed with `true`

  /// The results in the order of the messages.
  var results: [AMQPPublishResult] {
    var results = Array(repeating: AMQPPublishResult.confirmed, count: count)
    for (index, failure) in progress.failures { results[index] = failure }
    return results
  }

  /// Why a ticket of one message failed, if it did.
  var error: AMQPError? { progress.failures.isEmpty ? nil : progress.failures[0]?.error }
}

/// What has become of the messages of one call. Together, because Swift checks each access to a part of a shared object.
private struct Progress {
  enum Completion {
    case wasDone
    case confirmed(isLast: Bool)
    case failed(isLast: Bool)
  }

  private var remaining: Int
  /// Which messages have their result; empty for a single one, for which `remaining` says it.
  private var isDone: [Bool]
  /// What did not end as confirmed, by index.
  private(set) var failures: [Int: AMQPPublishResult] = [:]

  init(_ count: Int) {
    remaining = count
    isDone = count == 1 ? [] : Array(repeating: false, count: count)
  }

  func isOpen(_ index: Int) -> Bool { isDone.isEmpty ? remaining > 0 : !isDone[index] }

  mutating func complete(_ index: Int, _ result: AMQPPublishResult) -> Completion {
    guard isOpen(index) else { return .wasDone }
    if !isDone.isEmpty { isDone[index] = true }
    remaining -= 1
    if result.isConfirmed { return .confirmed(isLast: remaining == 0) }
    failures[index] = result
    return .failed(isLast: remaining == 0)
  }
}

/// Messages of one call that wait for their turn to be sent.
struct PublishRun {
  let ticket: PublishTicket
  var indices: Range<Int>
  /// Whether they were on the wire of an earlier connection.
  var isResent = false
}

/// A message that was sent.
struct PublishWaiter {
  let ticket: PublishTicket
  let index: Int
  /// Whether it was on the wire of an earlier connection.
  var isResent = false

  var message: AMQPMessage { ticket.messages[index] }
}
