internal import Logging
internal import Synchronization

/// What a worker has done, for the line that it logs at its end.
final class WorkerTally: Sendable {
  private let finished = Atomic(0)
  private let givenBack = Atomic(0)

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
