internal import Logging
internal import Synchronization

/// What a worker does and has done, for the lines that it logs when its stop begins and ends.
final class WorkerTally: Sendable {
  private let running = Atomic(0)
  private let finished = Atomic(0)
  private let givenBack = Atomic(0)
  private let isStopping = Atomic(false)

  /// Counts a handler while it runs.
  func handling<Result>(_ body: () async -> Result) async -> Result {
    running.add(1, ordering: .relaxed)
    defer { running.subtract(1, ordering: .relaxed) }
    return await body()
  }

  /// How many handlers run.
  var handlers: Int { running.load(ordering: .relaxed) }

  /// Notes that the stop has begun. Whether this is the first that is heard of it.
  func beginStop() -> Bool { !isStopping.exchange(true, ordering: .relaxed) }

  /// Counts what a handler's end has led to.
  func count(_ settlement: Settlement) {
    if case .release = settlement {
      givenBack.add(1, ordering: .relaxed)
    } else {
      finished.add(1, ordering: .relaxed)
    }
  }

  /// Counts deliveries that go back to their queue because the worker was stopped before it came to them.
  func countUnbegun(_ count: Int) { givenBack.add(count, ordering: .relaxed) }

  /// `handled`, whatever came of it, and `given.back`.
  var logMetadata: Logger.Metadata {
    [
      "handled": "\(finished.load(ordering: .relaxed))", "given.back": "\(givenBack.load(ordering: .relaxed))",
    ]
  }
}
