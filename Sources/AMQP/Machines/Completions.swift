/// What became of publishes in one turn of the event loop: the tasks to resume once the state that they look at is settled, all
/// at once and outside of every lock, and the figures for the metrics.
struct Completions {
  private(set) var continuations: [UnsafeContinuation<Bool, Never>] = []
  var confirmed = 0
  private(set) var unroutable = 0
  private(set) var nacked = 0
  private(set) var unknown = 0
  private(set) var notSent = 0
  var resent = 0
  /// Whether any of the rarer figures is above zero.
  private(set) var hasFailures = false

  var isEmpty: Bool { continuations.isEmpty && confirmed == 0 && !hasFailures && resent == 0 }

  mutating func append(_ continuation: UnsafeContinuation<Bool, Never>) { continuations.append(continuation) }

  mutating func count(_ result: AMQPPublishResult) {
    hasFailures = true
    switch result {
    case .confirmed: confirmed += 1
    case .unroutable: unroutable += 1
    case .nacked: nacked += 1
    case .unknown: unknown += 1
    case .notSent: notSent += 1
    }
  }

  /// Resumes all, and starts again. The memory is used again.
  mutating func resumeAll() {
    for continuation in continuations { continuation.resume(returning: true) }
    continuations.removeAll(keepingCapacity: true)
    confirmed = 0
    resent = 0
    guard hasFailures else { return }
    (unroutable, nacked, unknown, notSent, hasFailures) = (0, 0, 0, 0, false)
  }
}
