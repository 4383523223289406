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

  /// The message of a call with one; the others have an array.
  private let single: AMQPMessage?
  private let several: [AMQPMessage]
  let count: Int
  let deadline: NIODeadline
  private let waiting = Mutex(Waiting.notYet)
  private var remaining: Int
  private var isDone: [Bool]
  /// What did not end as confirmed, by index.
  private var failures: [Int: AMQPPublishResult] = [:]
  /// Results that came with a return and hold until the confirm.
  private var returned: [Int: AMQPPublishResult] = [:]

  init(_ message: AMQPMessage, deadline: NIODeadline) {
    single = message
    several = []
    count = 1
    self.deadline = deadline
    remaining = 1
    isDone = []
  }

  init(_ messages: [AMQPMessage], deadline: NIODeadline) {
    single = nil
    several = messages
    count = messages.count
    self.deadline = deadline
    remaining = messages.count
    isDone = Array(repeating: false, count: messages.count)
  }

  func message(_ index: Int) -> AMQPMessage { single ?? several[index] }

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
  func isOpen(_ index: Int) -> Bool { single != nil ? remaining > 0 : !isDone[index] }

  /// Notes that the broker handed the message back. The confirm that follows completes it.
  func returned(_ index: Int, _ result: AMQPPublishResult) { returned[index] = result }

  /// Whether the broker handed the message back already.
  func isReturned(_ index: Int) -> Bool { returned[index] != nil }

  /// Sets the result of an open message and returns what it came to. Adds the task to `resumptions` when it was the last one.
  func complete(_ index: Int, _ result: AMQPPublishResult, _ resumptions: inout Resumptions) -> AMQPPublishResult {
    let final = returned.isEmpty ? result : returned[index] ?? result
    if !final.isConfirmed { failures[index] = final }
    if single == nil { isDone[index] = true }
    remaining -= 1
    if remaining == 0, let continuation = takeContinuation() { resumptions.append(continuation) }
    return final
  }

  // MARK: The waiting task, once it was resumed with `true`

  /// The results in the order of the messages.
  var results: [AMQPPublishResult] {
    var results = Array(repeating: AMQPPublishResult.confirmed, count: count)
    for (index, failure) in failures { results[index] = failure }
    return results
  }

  /// Why a ticket of one message failed, if it did.
  var error: AMQPError? { failures.isEmpty ? nil : failures[0]?.error }
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

  var message: AMQPMessage { ticket.message(index) }
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
