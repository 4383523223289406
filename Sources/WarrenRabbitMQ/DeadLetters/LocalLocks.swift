internal import Synchronization

/// One task at a time for each name, within this process; the others wait in line.
final class LocalLocks: Sendable {
  private let waiting = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

  func withLock<Result>(_ name: String, _ body: () async throws -> Result) async rethrows -> Result {
    await withCheckedContinuation { continuation in
      let isFree = waiting.withLock { waiting in
        guard waiting[name] != nil else {
          waiting[name] = []
          return true
        }
        waiting[name]?.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
    defer {
      let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
        guard var line = waiting[name], !line.isEmpty else {
          waiting[name] = nil
          return nil
        }
        let next = line.removeFirst()
        waiting[name] = line
        return next
      }
      next?.resume()
    }
    return try await body()
  }
}
