import CoreMetrics
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
  func isOpen(_ index: Int) -> Bool { progress.isOpen(index) }

  /// Notes that the broker handed the message back. The confirm that follows completes it.
  func returned(_ index: Int, _ result: AMQPPublishResult) { progress.returned[index] = result }

  /// Whether the broker handed the message back already.
  func isReturned(_ index: Int) -> Bool { progress.returned[index] != nil }

  /// Sets the result of a message, unless it has one, and returns what it came to if that is no confirm. Adds the task to
  /// `resumptions` when it was the last one.
  func complete(
    _ index: Int, _ result: AMQPPublishResult, _ resumptions: inout Resumptions
  ) -> AMQPPublishResult? {
    switch progress.complete(index, result) {
    case .wasDone: return nil
    case .confirmed(let isLast):
      resumptions.confirmed += 1
      if isLast, let continuation = takeContinuation() { resumptions.append(continuation) }
      return nil
    case .failed(let result, let isLast):
      if isLast, let continuation = takeContinuation() { resumptions.append(continuation) }
      return result
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
    case failed(AMQPPublishResult, isLast: Bool)
  }

  private var remaining: Int
  /// Which messages have their result; empty for a single one, for which `remaining` says it.
  private var isDone: [Bool]
  /// What did not end as confirmed, by index.
  private(set) var failures: [Int: AMQPPublishResult] = [:]
  /// Results that came with a return and hold until the confirm.
  var returned: [Int: AMQPPublishResult] = [:]

  init(_ count: Int) {
    remaining = count
    isDone = count == 1 ? [] : Array(repeating: false, count: count)
  }

  func isOpen(_ index: Int) -> Bool { isDone.isEmpty ? remaining > 0 : !isDone[index] }

  mutating func complete(_ index: Int, _ result: AMQPPublishResult) -> Completion {
    guard isOpen(index) else { return .wasDone }
    if !isDone.isEmpty { isDone[index] = true }
    remaining -= 1
    if result.isConfirmed, returned.isEmpty { return .confirmed(isLast: remaining == 0) }
    let final = returned[index] ?? result
    if final.isConfirmed { return .confirmed(isLast: remaining == 0) }
    failures[index] = final
    return .failed(final, isLast: remaining == 0)
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

/// Tasks to resume once the state that they look at is settled: all at once, outside of every lock.
struct Resumptions {
  private var continuations: [UnsafeContinuation<Bool, Never>] = []
  /// Confirms that the metrics do not count yet.
  var confirmed = 0

  mutating func append(_ continuation: UnsafeContinuation<Bool, Never>) { continuations.append(continuation) }

  mutating func resumeAll(_ metrics: AMQPMetrics) {
    if confirmed > 0 {
      metrics.confirmed.increment(by: confirmed)
      confirmed = 0
    }
    for continuation in continuations { continuation.resume(returning: true) }
    continuations.removeAll(keepingCapacity: true)
  }
}
