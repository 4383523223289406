internal import HTTPTypes
internal import Synchronization
internal import Warren
internal import WarrenOperations

/// How many dead letters a page that is being made has read so far.
final class SweepProgress: Sendable {
  private let count = Atomic(0)
  var read: Int { count.load(ordering: .relaxed) }
  func add(_ letters: Int) { _ = count.add(letters, ordering: .relaxed) }
}

/// Pages that look through all dead letters. One that takes long is finished in the background: who asks for it is shown how far it
/// is, and has it when asking again.
actor Sweeps {
  private struct Sweep {
    let page: Task<Page, any Error>
    let isDone: Watched<Bool>
    let progress: SweepProgress
    let begin: ContinuousClock.Instant
  }
  private var sweeps: [String: Sweep] = [:]
  private let patience: Duration
  /// How many there may be at once.
  static let limit = 16
  /// A page that is done and that nobody came back for is dropped after this.
  private static let lifetime: Duration = .seconds(60)

  init(patience: Duration) { self.patience = patience }

  /// The page, or, when it is not made within the time that a page is waited for, one that says how far it is.
  ///
  /// - Throws: what `render` throws, and a refusal when too many are being made.
  func page(_ call: Call, _ render: @escaping @Sendable (Call) async throws -> Page) async throws -> Page {
    let key = "\(call.visitor.name) \(call.visitor.role.rawValue) \(call.here.text)"
    let sweep = try sweeps[key] ?? begin(key, call, render)
    guard await isDone(sweep) else { return await Self.waiting(sweep.progress, since: sweep.begin, call) }
    // The next who asks wants to know what is there then.
    if sweeps[key]?.progress === sweep.progress { sweeps[key] = nil }
    return try await sweep.page.value
  }

  private func begin(
    _ key: String, _ call: Call, _ render: @escaping @Sendable (Call) async throws -> Page
  ) throws(Refusal) -> Sweep {
    sweeps = sweeps.filter { !$0.value.isDone.value || ContinuousClock.now - $0.value.begin < Self.lifetime }
    if sweeps.count >= Self.limit {
      throw Refusal(
        .serviceUnavailable, "\(Self.limit) pages are looking through the dead letters already: try again in a moment")
    }
    let progress = SweepProgress()
    let isDone = Watched(false)
    var call = call
    call.progress = progress
    let task = Task { [call] in
      defer { isDone.withValue { $0 = true } }
      return try await render(call)
    }
    let sweep = Sweep(page: task, isDone: isDone, progress: progress, begin: .now)
    sweeps[key] = sweep
    return sweep
  }

  /// Whether it is done within the time that a page is waited for.
  private nonisolated func isDone(_ sweep: Sweep) async -> Bool {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await sweep.isDone.wait { $0 } }
      group.addTask { [patience] in try? await Task.sleep(for: patience) }
      await group.next()
      group.cancelAll()
    }
    return sweep.isDone.value
  }

  private static func waiting(
    _ progress: SweepProgress, since begin: ContinuousClock.Instant, _ call: Call
  ) async -> Page {
    let seconds = (ContinuousClock.now - begin).components.seconds
    let all = call.visitor.isLimited ? nil : await call.desk.sampler.deadLetters
    let read = progress.read
    let total = all.map { " of \(Show.count($0, "dead letter"))" } ?? (read == 1 ? " dead letter" : " dead letters")
    return Page(
      title: "Looking", section: .deadLetters,
      regions: [
        .init(
          id: "progress",
          content: Parts.card(nil) {
            Parts.empty("Looking through the dead letters") {
              read > 0 ? "Read \(Show.number(read))\(total) so far, in \(seconds) s. " : "For \(seconds) s so far. "
              "This page shows what was found as soon as it is done."
            }
          })
      ], refreshes: true)
  }
}
