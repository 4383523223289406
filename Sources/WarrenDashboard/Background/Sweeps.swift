internal import Synchronization
internal import Warren

/// How many dead letters a look has read so far.
final class SweepProgress: Sendable {
  private let count = Atomic(0)
  var read: Int { count.load(ordering: .relaxed) }
  func add(_ letters: Int) { _ = count.add(letters, ordering: .relaxed) }
}

/// Looks through all dead letters, or through more. One that takes long is finished in the background: who asks for it is told how far
/// it is, and has its result when asking again.
actor Sweeps<Result: Sendable> {
  /// What there is when the patience of the one who asked ends.
  enum Outcome {
    case done(Result)
    case running(SweepProgress, since: ContinuousClock.Instant)
  }

  /// As many looks are being taken as may be at once.
  struct TooMany: Error {}

  private struct Sweep {
    let result: Task<Result, any Error>
    let end = Watched<ContinuousClock.Instant?>(nil)
    let progress = SweepProgress()
    let begin = ContinuousClock.now

    init(_ look: @escaping @Sendable (SweepProgress) async throws -> Result) {
      // Not a child of the request that asked first: the look outlives it, and the next request has its result.
      result = Task { [end, progress] in
        defer { end.withValue { $0 = .now } }
        return try await look(progress)
      }
    }
  }

  private var sweeps: [String: Sweep] = [:]
  private let patience: Duration
  /// How many there may be at once.
  private let limit: Int
  /// A browser asks again after a second. What is older may not be true any more.
  private static var lifetime: Duration { .seconds(3) }

  init(patience: Duration, limit: Int) {
    self.patience = patience
    self.limit = limit
  }

  /// The result of the look of this name, which is begun unless it is being taken.
  ///
  /// - Throws: what `look` throws, and ``TooMany``.
  func outcome(
    of name: String, _ look: @escaping @Sendable (SweepProgress) async throws -> Result
  ) async throws -> Outcome {
    sweeps = sweeps.filter { _, sweep in sweep.end.value.map { ContinuousClock.now - $0 < Self.lifetime } ?? true }
    let sweep = try sweeps[name] ?? begin(name, look)
    guard await isDone(sweep) else { return .running(sweep.progress, since: sweep.begin) }
    // The next who asks wants to know what is there then.
    if sweeps[name]?.progress === sweep.progress { sweeps[name] = nil }
    return .done(try await sweep.result.value)
  }

  private func begin(
    _ name: String, _ look: @escaping @Sendable (SweepProgress) async throws -> Result
  ) throws(TooMany) -> Sweep {
    if sweeps.count >= limit { throw TooMany() }
    let sweep = Sweep(look)
    sweeps[name] = sweep
    return sweep
  }

  /// Whether it is done within the time that one who asks waits.
  private nonisolated func isDone(_ sweep: Sweep) async -> Bool {
    await withTaskGroup(of: Void.self) { [patience] group in
      // Whichever is first; a look that goes on is not held up by the one who asks. A person waits, so real time counts.
      group.addTask { await sweep.end.wait { $0 != nil } }
      group.addTask { try? await Task.sleep(for: patience) }
      await group.next()
      group.cancelAll()
    }
    return sweep.end.value != nil
  }

  /// After something was changed the next look is a new one.
  func forget() { sweeps.removeAll() }
}
