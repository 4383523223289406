internal import Synchronization

/// A continuation that several may resume: the first does.
final class Once<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value, Never>?>
  init(_ continuation: CheckedContinuation<Value, Never>) { self.continuation = Mutex(continuation) }

  var isWaiting: Bool { continuation.withLock { $0 != nil } }

  func resume(_ value: Value) {
    let continuation = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    continuation?.resume(returning: value)
  }
}
