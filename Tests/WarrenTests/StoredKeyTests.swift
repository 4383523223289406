import BrokerConformance
import Foundation
import Logging
import Metrics
import Synchronization
import Testing
import WarrenTesting

@testable import Warren

private struct Index: JobMessage {
  static let name: MessageName = "index"
  static let queue: Queue = "indexes"
  static let retry: RetryPolicy = .none
  var text: String
}

/// An engine that can do nothing beyond the laws: no keys, no single messages, no store.
private struct Plain: ForwardingBroker {
  let base: TestBroker
  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    capabilities.uniqueness = []
    return capabilities
  }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    if publications.contains(where: { $0.unique != nil }) {
      throw BrokerError(.unsupported, "this engine knows no keys")
    }
    return try await base.publish(publications)
  }
}

/// A store that can be away.
private final class Away: StateStore {
  let base: any StateStore
  let isAway = Mutex(false)
  init(_ base: any StateStore) { self.base = base }
  private func check() throws(BrokerError) {
    if isAway.withLock({ $0 }) { throw BrokerError(.unavailable, "the store is away") }
  }
  func record(_ key: StoreKey) async throws(BrokerError) -> StoreRecord? {
    try check()
    return try await base.record(key)
  }
  func records(of kind: StoreKind) async throws(BrokerError) -> [StoreRecord] { try await base.records(of: kind) }
  func write(
    _ value: Data, to key: StoreKey, replacing version: StoreVersion?, until expiry: Date?
  ) async throws(BrokerError) -> StoreRecord? {
    try check()
    return try await base.write(value, to: key, replacing: version, until: expiry)
  }
  func remove(_ key: StoreKey, _ version: StoreVersion) async throws(BrokerError) -> Bool {
    try await base.remove(key, version)
  }
}

/// Keys and cancelled jobs by a store, on an engine that cannot do it itself.
@Suite final class StoredKeyTests: Sendable {
  private let base: TestBroker
  private let store: Away
  private let bus: EventBus
  private let handled = Mutex<[String]>([])
  private let log = CapturedLog()

  init() throws {
    base = try TestBroker()
    store = Away(base)
    bus = EventBus(Plain(base: base), source: "test", store: store, onUnknownOutcome: .fail)
  }

  private func worker(
    store: (any StateStore)?, _ handle: @escaping @Sendable (Index, HandlerContext) async throws -> Void = { _, _ in }
  ) throws -> Worker {
    var options = Worker.Options()
    options.store = store
    return try Worker(Plain(base: base), name: "w", options: options, logger: log.logger) {
      On(Index.self) { [self] job, context in
        handled.withLock { $0.append(job.text) }
        try await handle(job, context)
      }
    }
  }

  private var texts: [String] { handled.withLock { $0 } }

  /// `stored` or `repeated`.
  private func enqueue(
    _ text: String, _ onRepeat: Uniqueness.Repeat = .keep, id: MessageID? = nil, after delay: Duration? = nil,
    window: Duration = .seconds(60)
  ) async throws -> String {
    let unique = Uniqueness.key("k", for: window, onRepeat: onRepeat)
    return "\(try await bus.enqueue(Index(text: text), id: id, unique: unique, after: delay).result)"
  }

  @Test func repeatsAreKeptOutWhileTheJobIsThereAndForItsWindow() async throws {
    try await base.working(worker(store: store)) { [self] in
      #expect(try await enqueue("a", after: .seconds(100)) == "stored")
      #expect(try await enqueue("b") == "repeated")
      try await base.runUntilIdle()
      #expect(try await enqueue("c") == "repeated")
      base.advance(by: .seconds(61))
      #expect(try await enqueue("d") == "stored")
      try await base.runUntilIdle()
    }
    #expect(texts == ["a", "d"])
  }

  @Test func ofManyAtOnceOneIsStored() async throws {
    try await base.working(worker(store: store)) { [self] in
      let results = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<100 { group.addTask { try await self.enqueue("\(number)", after: .seconds(1)) } }
        return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
      }
      #expect(results == ["stored": 1, "repeated": 99])
      try await base.runUntilIdle()
    }
    #expect(texts.count == 1)
  }

  @Test func aBatchHasOneResultForEachAndKeepsItsOrder() async throws {
    try await base.working(worker(store: store)) { [self] in
      let receipts = try await bus.enqueue([
        JobRequest(Index(text: "plain")), JobRequest(Index(text: "a"), unique: .key("k")),
        JobRequest(Index(text: "b"), unique: .key("k")), JobRequest(Index(text: "c"), unique: .key("")),
        JobRequest(Index(text: "d"), unique: .key("other")),
      ])
      #expect(receipts.map { "\($0.result)".prefix(6) } == ["stored", "stored", "repeat", "failed", "stored"])
      try await base.runUntilIdle()
    }
    #expect(texts.sorted() == ["a", "d", "plain"])
  }

  @Test func theLastOfManyRepeatsIsHandledOnce() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) {
      try await base.working(worker(store: store)) { [self] in
        for number in 0..<50 {
          #expect(try await enqueue("\(number)", .debounce(longest: .seconds(30)), after: .seconds(5)) == "stored")
        }
        try await base.runUntilIdle()
        #expect(texts == ["49"])
        try await metrics.wait("warren_superseded_total", ["queue": "indexes", "name": "index"], 49)
      }
    }
    #expect(log.lines.contains { $0.message.contains("Superseded") })
  }

  @Test func aRepeatOfARunningJobIsTheNextOne() async throws {
    let (isBegun, mayEnd) = (Watched(0), Watched(false))
    let worker = try worker(store: store) { _, _ in
      isBegun.withValue { $0 += 1 }
      await mayEnd.wait { $0 }
    }
    try await base.working(worker) { [self] in
      #expect(try await enqueue("a", .replace) == "stored")
      await isBegun.wait { $0 == 1 }
      #expect(try await enqueue("b", .replace, after: .seconds(9)) == "stored")
      #expect(try await enqueue("c", .replace, after: .seconds(9)) == "stored")
      mayEnd.withValue { $0 = true }
      try await base.runUntilIdle()
      #expect(try await enqueue("d", .replace) == "repeated", "in the window")
    }
    #expect(texts == ["a", "c"])
  }

  @Test func whatWasNotStoredTakesNoKeyAndNothingAway() async throws {
    try await base.working(worker(store: store)) { [self] in
      base.inject(.publishFails(.unavailable))
      await #expect(throws: BrokerError.self) { try await enqueue("a") }
      #expect(try await enqueue("b", .replace, after: .seconds(1)) == "stored")
      base.inject(.publishFails(.full))
      await #expect(throws: BrokerError.self) { try await enqueue("c", .replace) }
      try await base.runUntilIdle()
    }
    #expect(texts == ["b"])
  }

  @Test func whatIsInDoubtIsPublishedAgainByItsId() async throws {
    try await base.working(worker(store: store)) { [self] in
      base.inject(.publishFails(.unknownOutcome))
      await #expect(throws: BrokerError.self) { try await enqueue("a", id: "mine") }
      #expect(try await enqueue("b") == "repeated")
      #expect(try await enqueue("a", id: "mine") == "stored")
      try await base.runUntilIdle()
      #expect(try await enqueue("a", id: "mine") == "repeated")
    }
    #expect(texts == ["a"])
  }

  @Test func aDeadLetterKeepsItsKeyAndAReplayOrAnEditedCopyIsTheSameJob() async throws {
    struct Oops: Error {}
    let fails = Mutex(true)
    let worker = try worker(store: store) { _, _ in if fails.withLock({ $0 }) { throw Oops() } }
    try await base.working(worker) { [self] in
      #expect(try await enqueue("a") == "stored")
      try await base.runUntilIdle()
      base.advance(by: .seconds(3600))
      #expect(try await enqueue("b") == "repeated")
      let letter = try #require(try await base.deadLetters(.init()).letters.first)
      var edited = letter.message
      edited.id = "edited"
      fails.withLock { $0 = false }
      try await base.replace(letter.message.id ?? "", in: nil, with: edited)
      _ = try await base.replay(.init())
      try await base.runUntilIdle()
      #expect(texts == ["a", "a"])
      #expect(try await enqueue("c") == "repeated")
    }
  }

  /// A worker dies between the store's note and the settlement.
  @Test func aJobThatIsDoneIsNotDoneAgain() async throws {
    base.inject(.outcomeLost(of: "index"))
    try await base.working(worker(store: store)) { [self] in
      #expect(try await enqueue("a") == "stored")
      try await base.runUntilIdle()
    }
    #expect(texts == ["a"])
  }

  @Test func whileTheStoreIsAwayAUniqueJobWaits() async throws {
    try await base.working(worker(store: store)) { [self] in
      #expect(try await enqueue("a", after: .seconds(1)) == "stored")
      store.isAway.withLock { $0 = true }
      await #expect(throws: BrokerError.self) { try await enqueue("b") }
      base.advance(by: .seconds(1))
      try await base.wait(for: "it was put off") {
        try await base.queues().first { $0.name == Index.queue.name }?.delayed == 1
      }
      store.isAway.withLock { $0 = false }
      try await base.runUntilIdle()
    }
    #expect(texts == ["a"])
  }

  @Test func aWorkerWithoutAStoreHandlesAllAndSaysSoOnce() async throws {
    try await base.working(worker(store: nil)) { [self] in
      for text in ["a", "b"] {
        #expect(try await enqueue(text, .replace, after: .seconds(1)) == "stored")
      }
      try await base.runUntilIdle()
    }
    #expect(texts.sorted() == ["a", "b"])
    #expect(log.lines.filter { $0.message.contains("may have taken its place") }.count == 1)
  }

  @Test func withoutAStoreItIsRefused() async throws {
    try await base.withBroker { base in
      try await base.apply(Topology(jobs: [Index.self]))
      let bus = EventBus(Plain(base: base), source: "test")
      for code in [
        await Self.code { try await bus.enqueue(Index(text: "a"), unique: .key("k")) },
        await Self.code { try await bus.cancel("a", of: Index.self) },
        await Self.code { try await bus.update(Index(text: "a"), id: "a") },
      ] { #expect(code == .unsupported) }
    }
  }

  /// What an engine cannot do is refused with what to do instead, and that does it.
  @Test func aJobThatCannotBeUpdatedIsReplacedByItsKey() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) {
      try await base.working(worker(store: store)) { [self] in
        #expect(try await enqueue("old", .replace, id: "mine", after: .seconds(60)) == "stored")
        let error = await #expect(throws: BrokerError.self) { try await bus.update(Index(text: "new"), id: "mine") }
        #expect(error?.code == .unsupported && error?.messageIDs == ["mine"])
        #expect(error?.message.contains("onRepeat: .replace") == true)
        let begin = base.clock.now
        #expect(try await enqueue("new", .replace, after: .seconds(90)) == "stored")
        try await base.runUntilIdle()
        #expect(base.clock.now.timeIntervalSince(begin) >= 90)
        try await metrics.wait("warren_superseded_total", ["queue": "indexes", "name": "index"], 1)
      }
    }
    #expect(texts == ["new"])
  }

  private static func code(_ body: () async throws -> some Sendable) async -> BrokerError.Code? {
    do { _ = try await body() } catch { return (error as? BrokerError)?.code }
    return nil
  }

  @Test func aCancelledJobIsNotHandledAndItsIdCanBeUsedAgain() async throws {
    let metrics = CountingMetrics()
    try await withMetricsFactory(metrics) {
      try await base.working(worker(store: store)) { [self] in
        #expect(try await enqueue("a", id: "mine", after: .seconds(10)) == "stored")
        try await bus.enqueue(Index(text: "b"), after: .seconds(10))
        #expect(try await bus.cancel("mine", of: Index.self))
        base.advance(by: .seconds(1))
        try await bus.enqueue(Index(text: "again"), id: "mine", after: .seconds(30))
        try await base.runUntilIdle()
        #expect(texts == ["b", "again"])
        try await metrics.wait("warren_superseded_total", ["queue": "indexes", "name": "index"], 1)
        #expect(try await enqueue("c") == "stored", "its key is free, without a window")
        try await base.runUntilIdle()
      }
    }
    #expect(texts == ["b", "again", "c"])
  }
}
