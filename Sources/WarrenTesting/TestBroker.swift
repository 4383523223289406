internal import Foundation
internal import Logging
internal import Synchronization
public import Warren
internal import WarrenSQLite

/// A broker for tests: the embedded engine in memory, by a clock that a test turns, with a record of what happened and
/// faults to inject.
///
/// ```swift
/// @Test func aBookingSendsAnEmail() async throws {
///   let broker = try TestBroker()
///   try await broker.working(worker) {
///     let receipt = try await bus.publish(BookingCreated(bookingID: "1"))
///     try await broker.completed(receipt.id)
///     try await broker.runUntilIdle()
///   }
/// }
/// ```
/// It routes, retries, delays and parks as the engines do, since it is one of them.
public final class TestBroker: Sendable {
  struct State {
    var published: [Publication] = []
    var settlements: [(delivery: Delivery, settlement: Settlement)] = []
    /// How many are on their way: stored perhaps, and not among ``settlements`` yet.
    var settling = 0
    var faults: [Fault] = []
    var consumers: [ObjectIdentifier: Consumer] = [:]
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWaiting = 0
  }
  let state = Mutex(State())
  let engine: SQLiteBroker

  /// The time that the broker goes by, and what uses it: it stands still until a test turns it.
  public let virtualClock: VirtualClock
  /// How long a test waits, in real time, for what must come, before it fails.
  public let patience: Duration

  /// A broker that holds nothing yet. Run it with ``Warren/Broker/withBroker(_:)`` or ``working(_:_:)``.
  public init(clock: VirtualClock = VirtualClock(), patience: Duration = .seconds(20)) throws(BrokerError) {
    virtualClock = clock
    self.patience = patience
    engine = try .inMemory(clock: clock, logger: Logger(label: "warren.test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// Runs the broker and a worker on it while `body` runs, which begins when the worker has subscribed to its queues.
  public func working<Result: Sendable>(
    _ worker: Worker, _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withBroker { broker in
      try await broker.apply(worker.topology)
      return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
          try await worker.run()
          return nil
        }
        group.addTask {
          try await self.wait(for: "the worker has subscribed") {
            let consumed = try await self.engine.queues().filter { $0.consumers > 0 }.map(\.name)
            return worker.queues.allSatisfy { consumed.contains($0) }
          }
          return try await body()
        }
        defer { group.cancelAll() }
        while let result = try await group.next() { if let result { return result } }
        throw CancellationError()
      }
    }
  }

  /// The ``virtualClock``, as ``Warren/Broker/clock``: bus and worker use it unless they are given another.
  public var clock: any BrokerClock { virtualClock }

  /// Turns the clock on; delays, retries and timeouts whose time has come are over.
  public func advance(by duration: Duration) { virtualClock.advance(by: duration) }

  /// Makes something go wrong, as often as the fault says.
  public func inject(_ fault: Fault) { state.withLock { $0.faults.append(fault) } }

  /// Ends this process's work as SIGKILL does, and goes on as a new process: what was held is handed out again, and counts
  /// an interruption; what the handlers that still run decide is refused.
  ///
  /// - Returns: how many deliveries were held.
  @discardableResult
  public func killWorker() async throws(BrokerError) -> Int {
    let count = try await engine.killWorker()
    changed()
    return count
  }

  /// What was published, in order; what was refused is not among it.
  public var published: [Publication] { state.withLock { $0.published } }

  /// The typed messages of this type that were published, in order.
  public func published<M: TypedMessage>(_ type: M.Type, codec: any MessageCodec = .envelope) throws -> [M] {
    try published.filter { $0.message.name == M.name }.map { try codec.decode(type, from: $0.message) }
  }

  /// What workers decided about this message, in order.
  public func settlements(of id: MessageID) -> [Settlement] {
    state.withLock { $0.settlements.filter { $0.delivery.message.id == id }.map(\.settlement) }
  }
}

// MARK: Waiting

extension TestBroker {
  /// Waits until a condition holds; it is looked at whenever something is published or settled.
  ///
  /// - Throws: ``ExpectationFailure`` when it does not within ``patience``.
  public func wait(
    for what: String, until condition: @Sendable () async throws -> Bool
  ) async throws {
    let end = ContinuousClock.now + patience
    while true {
      let seen = changes
      if try await condition() { return }
      if ContinuousClock.now > end {
        throw ExpectationFailure("\(what): did not come within \(patience). The broker: \(await status())")
      }
      await change(after: seen)
    }
  }

  /// Waits until a message was completed.
  public func completed(_ id: MessageID) async throws {
    try await wait(for: "'\(id)' is completed") { settlements(of: id).contains(.complete) }
  }

  /// Waits until a message became a dead letter, and returns why.
  public func deadLettered(_ id: MessageID) async throws -> DeadLetterReason {
    try await wait(for: "'\(id)' is a dead letter") { parked(id) != nil }
    return parked(id) ?? DeadLetterReason(.rejected)
  }

  /// Runs until nothing is left to do, and says why a message became a dead letter; `nil` when it was completed.
  ///
  /// ```swift
  /// #expect(try await broker.reason(of: receipt.id) == nil)
  /// ```
  /// - Throws: ``ExpectationFailure`` when it was neither: no worker takes it from its queue. And as ``runUntilIdle()``.
  public func reason(of id: MessageID) async throws -> DeadLetterReason? {
    try await runUntilIdle()
    if let reason = parked(id) { return reason }
    if settlements(of: id).contains(.complete) { return nil }
    throw ExpectationFailure("'\(id)' was not handled: does the worker take it from its queue? \(await status())")
  }

  private func parked(_ id: MessageID) -> DeadLetterReason? {
    for settlement in settlements(of: id) { if case .deadLetter(let reason, _) = settlement { return reason } }
    return nil
  }

  /// Turns the clock from one due time to the next until no message waits, is delayed or is handled in any queue that has a
  /// consumer and is not paused. Retries, delays, pauses of workers (``Warren/Outcome/pause(until:)``, circuit breakers) and what
  /// handlers publish are all done then.
  ///
  /// - Throws: ``ExpectationFailure`` when a handler does not end within ``patience``, and when there is no end: a breaker tries for as
  ///   long as what its handlers need is down.
  public func runUntilIdle() async throws {
    for _ in 0..<10_000 {
      // One look for all three: between two looks a delayed message can have become a running one.
      let next = Mutex((isIdle: false, pauses: [Date]()))
      try await wait(for: "every handler has ended") {
        let queues = try await engine.queues().filter { !$0.isPaused && $0.consumers > 0 }
        let pauses = queues.filter { $0.ready > 0 }.map { pauseEnd(of: $0.name) }
        next.withLock { $0 = (pauses.isEmpty && queues.allSatisfy { $0.delayed ?? 0 == 0 }, pauses.compactMap { $0 }) }
        // In this order: what was settled at the look is noted by now, or still on its way.
        return queues.allSatisfy { $0.running == 0 } && pauses.allSatisfy { $0 != nil }
          && state.withLock { $0.settling } == 0
      }
      let (isIdle, pauses) = next.withLock { $0 }
      if isIdle { return }
      if let due = (pauses + [try await engine.nextDue()].compactMap { $0 }).min() { virtualClock.advance(to: due) }
    }
    throw ExpectationFailure("there is no end of it: is what the handlers need down? \(await status())")
  }

  /// When the first of a queue's consumers takes messages again; `nil` when one does now.
  private func pauseEnd(of queue: QueueName) -> Date? {
    let ends = state.withLock { $0.consumers.values.filter { $0.queue == queue } }.map(\.pausedUntil)
    if ends.contains(where: { $0.map { $0 <= clock.now } ?? true }) { return nil }
    return ends.compactMap { $0 }.min()
  }

  /// What is where, for a failed test.
  private func status() async -> String {
    let queues = (try? await engine.queues()) ?? []
    let texts = queues.map { queue in
      "\(queue.name): \(queue.ready) ready, \(queue.delayed ?? 0) delayed, \(queue.running ?? 0) running, "
        + "\(queue.consumers) consumers"
    }
    return texts.joined(separator: "; ")
  }

  private var changes: Int { state.withLock { $0.published.count + $0.settlements.count } }

  /// Returns when something was published or settled since, or a moment later: a count in the file changes without either.
  private func change(after seen: Int) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: .milliseconds(5)) }
      group.addTask { await self.nextChange(after: seen) }
      await group.next()
      group.cancelAll()
    }
  }

  private func nextChange(after seen: Int) async {
    let id = state.withLock { state in
      state.lastWaiting += 1
      return state.lastWaiting
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled || state.published.count + state.settlements.count > seen { return true }
          state.waiting[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
  }

  func changed() {
    let waiting = state.withLock { state in
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for continuation in waiting { continuation.resume() }
  }
}

/// Something that a test waited for did not come.
public struct ExpectationFailure: Error, CustomStringConvertible {
  /// What was waited for.
  public let description: String
  /// A failure.
  public init(_ description: String) { self.description = description }
}
