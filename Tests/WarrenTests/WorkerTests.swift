import BrokerConformance
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing
import WarrenTesting

@testable import Warren

private struct Chore: JobMessage {
  static let name: MessageName = "task"
  static let queue: Queue = "tasks"
  static let retry: RetryPolicy = .fixed([.seconds(60)])
  var number: Int
}
private struct Oops: Error {}
private struct Decided: OutcomeError { var outcome: Outcome { .deadLetter("it decides") } }

/// An engine that waits for its first connection.
private final class UnreachedBroker: Broker {
  let isAsked = Watched(false)
  var capabilities: BrokerCapabilities {
    BrokerCapabilities(engine: "none", ordersByPriority: false, showsWaitingMessages: false, largestBody: 0)
  }
  private func away() async -> BrokerError {
    isAsked.withValue { $0 = true }
    await Watched(false).wait { $0 }
    return BrokerError(.unavailable, "it was not reached")
  }
  func run() async throws {}
  func apply(_ topology: Topology) async throws(BrokerError) { throw await away() }
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] { throw await away() }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { throw await away() }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult {
    throw await away()
  }
}

/// What a worker does around its handlers, by a clock that stands still.
@Suite final class WorkerTests: Sendable {
  private let broker: TestBroker
  private let bus: EventBus
  private let seen = Log<String>()

  init() throws {
    broker = try TestBroker()
    bus = EventBus(broker, source: "test")
  }

  private func worker(
    timeout: Duration? = nil, concurrency: Int = 2, prefetch: Int = 4, logger: Logger? = nil,
    _ handle: @escaping @Sendable (Chore, HandlerContext) async throws -> Void
  ) throws -> Worker {
    let on = On(Chore.self, handle).concurrency(concurrency).prefetch(prefetch)
    return try Worker(
      broker, name: "w", logger: logger ?? Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
    ) {
      if let timeout { on.timeout(timeout) } else { on }
    }
  }

  @Test func aHandlerKnowsItsDeadlineAndATimeoutIsAFailedAttempt() async throws {
    let begin = broker.clock.now
    let worker = try worker(timeout: .seconds(30)) { [self] _, context in
      seen.add("\(context.attempt) \(context.deadline.map { $0.timeIntervalSince(broker.clock.now) } ?? 0)")
      if context.attempt == 1 { try await broker.clock.sleep(until: .distantFuture) }
    }
    try await broker.working(worker) { [self] in
      let receipt = try await bus.enqueue(Chore(number: 1))
      #expect(try await seen.next() == "1 30.0")
      broker.advance(by: .seconds(30))
      try await broker.wait(for: "the retry") { broker.settlements(of: receipt.id).count == 1 }
      try await broker.runUntilIdle()
      try await broker.completed(receipt.id)
      guard case .retry(_, let history)? = broker.settlements(of: receipt.id).first else {
        return #expect(Bool(false), "no retry")
      }
      #expect(history.failures.map(\.error) == ["HandlerTimeout"])
    }
    #expect(broker.clock.now.timeIntervalSince(begin) == 90)
  }

  @Test func aHandlerThatFinishesAfterItsTimeoutIsDone() async throws {
    let worker = try worker(timeout: .seconds(30)) { [self] _, _ in
      seen.add("begun")
      try? await broker.clock.sleep(until: .distantFuture)
    }
    try await broker.working(worker) { [self] in
      let receipt = try await bus.enqueue(Chore(number: 1))
      _ = try await seen.next()
      broker.advance(by: .seconds(30))
      try await broker.completed(receipt.id)
      #expect(broker.settlements(of: receipt.id) == [.complete])
    }
  }

  /// What decides is an outcome, or an error that has one.
  @Test(arguments: [Outcome.deadLetter("it decides"), Decided()] as [any Error])
  func aHandlerThatDecidesAfterItsTimeoutIsHeard(_ decision: any Error) async throws {
    let worker = try worker(timeout: .seconds(30)) { [self] _, _ in
      seen.add("begun")
      try? await broker.clock.sleep(until: .distantFuture)
      throw decision
    }
    try await broker.working(worker) { [self] in
      let receipt = try await bus.enqueue(Chore(number: 1))
      _ = try await seen.next()
      broker.advance(by: .seconds(30))
      try await broker.wait(for: "its settlement") { broker.settlements(of: receipt.id).count == 1 }
      guard case .deadLetter(let reason, _)? = broker.settlements(of: receipt.id).first else {
        return #expect(Bool(false), "\(broker.settlements(of: receipt.id))")
      }
      #expect(reason.detail == "it decides")
    }
  }

  @Test(
    arguments: [nil, Duration.seconds(3600)], [Outcome.deadLetter("it decides"), Decided()] as [any Error])
  func aHandlerThatFinishesOrDecidesAfterTheStopDeadlineIsHeard(_ timeout: Duration?, _ decision: any Error)
    async throws
  {
    let lines = Log<String>()
    let logger = Logger(label: "lines") { _ in WarningHandler(lines: lines) }
    let worker = try worker(timeout: timeout, logger: logger) { [self] task, _ in
      seen.add("begun")
      try? await broker.clock.sleep(until: .distantFuture)
      switch task.number {
      case 1: return
      case 2: throw decision
      default: throw Oops()
      }
    }
    try await broker.withBroker { [self] broker in
      try await broker.apply(worker.topology)
      let stop = Trigger()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await stop.run(worker) }
        var ids: [MessageID] = []
        for number in 1...3 { ids.append(try await bus.enqueue(Chore(number: number)).id) }
        _ = try await seen.next(2)
        await stop.trigger()
        // The third was not begun, and goes back at once.
        try await broker.wait(for: "the third is back") {
          try await broker.queues().contains { $0.name == "tasks" && $0.ready == 1 && $0.running == 2 }
        }
        let deadline = broker.clock.now.addingTimeInterval(25)
        try await broker.wait(for: "the worker waits for its stop deadline") {
          broker.virtualClock.nextWake.map { $0 <= deadline } ?? false
        }
        broker.advance(by: .seconds(25))
        #expect(Set(try await lines.next(2)) == Set(ids.prefix(2).map { "The stop deadline is over \($0)" }))
        try await group.waitForAll()
        #expect(broker.settlements(of: ids[0]) == [.complete])
        #expect(
          broker.settlements(of: ids[1]).contains { settlement in
            if case .deadLetter(let reason, _) = settlement { reason.detail == "it decides" } else { false }
          })
      }
    }
  }

  @Test func aBrokerThatIsAwayWhenAWorkerSubscribesIsWaitedFor() async throws {
    broker.inject(.awayAtSubscribing(times: 2))
    let worker = try worker { [self] _, _ in seen.add("handled") }
    try await broker.withBroker { [self] broker in
      try await broker.apply(worker.topology)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        for _ in 1...2 {
          let soon = broker.clock.now.addingTimeInterval(2)
          try await broker.wait(for: "the worker waits") { broker.virtualClock.nextWake.map { $0 <= soon } ?? false }
          broker.advance(by: .seconds(2))
        }
        let receipt = try await bus.enqueue(Chore(number: 1))
        try await broker.completed(receipt.id)
        group.cancelAll()
      }
    }
  }

  /// Such as one whose address is wrong, in a service that waits for its broker.
  @Test(.timeLimit(.minutes(1))) func aStopDoesNotWaitForABrokerThatWasNeverReached() async throws {
    let unreached = UnreachedBroker(), log = CapturedLog()
    let worker = try Worker(unreached, name: "w", logger: log.logger) { On(Chore.self) { _, _ in } }
    let group = ServiceGroup(configuration: .init(services: [.init(service: worker)], logger: log.logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await unreached.isAsked.wait { $0 }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(!log.lines.contains { $0.message.contains("away") || $0.message.contains("Worker st") })
  }

  @Test(arguments: [-3600.0, 3600, 316_224_000])
  func aTimeoutLastsAsLongAsItSaysThoughTheClockIsSet(_ jump: Double) async throws {
    let worker = try worker(timeout: .seconds(30)) { [self] _, context in
      seen.add("\(context.attempt)")
      if context.attempt == 1 { try await broker.clock.sleep(until: .distantFuture) }
    }
    try await broker.working(worker) { [self] in
      let receipt = try await bus.enqueue(Chore(number: 1))
      #expect(try await seen.next() == "1")
      broker.virtualClock.jump(by: .seconds(jump))
      #expect(broker.settlements(of: receipt.id).isEmpty)
      broker.advance(by: .seconds(30))
      try await broker.wait(for: "the retry") { broker.settlements(of: receipt.id).count == 1 }
      broker.advance(by: .seconds(60))
      try await broker.completed(receipt.id)
    }
  }

  /// A suspect that waits to be alone goes back at once when its worker is stopped, and that is not held against it.
  @Test func atAStopASuspectThatWaitsGoesBackAtOnce() async throws {
    let release = Watched(false)
    let worker = try worker { [self] task, _ in
      seen.add("\(task.number)")
      await release.wait { $0 }
    }
    try await broker.withBroker { [self] broker in
      try await broker.apply(worker.topology)
      let suspect = try await bus.enqueue(Chore(number: 1))
      let postponed = Settlement.postpone(until: broker.clock.now + 60)
      try await broker.consume("tasks", prefetch: 1) { consumer in
        var delivery = try #require(await consumer.next())
        _ = try await broker.settle(delivery, as: .isolate)
        delivery = try #require(await consumer.next())
        _ = try await broker.settle(delivery, as: postponed)
      }
      let other = try await bus.enqueue(Chore(number: 2))
      let stop = Trigger()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await stop.run(worker) }
        #expect(try await seen.next() == "2")
        broker.advance(by: .seconds(60))
        // The suspect sleeps at the gate.
        try await broker.wait(for: "the suspect is handed out, and waits") {
          let sleepers = broker.virtualClock.sleepers
          return try await broker.queues().contains { $0.name == "tasks" && $0.running == 2 } && sleepers > 0
        }
        await stop.trigger()
        try await broker.wait(for: "the suspect is back") {
          try await broker.queues().contains { $0.name == "tasks" && $0.ready == 1 && $0.running == 1 }
        }
        release.withValue { $0 = true }
        try await group.waitForAll()
      }
      try await broker.completed(other.id)
      #expect(broker.settlements(of: suspect.id) == [.isolate, postponed, .release])
      try await broker.consume("tasks", prefetch: 1) { consumer in
        let delivery = try #require(await consumer.next())
        #expect(delivery.isSuspect && delivery.history.interruptions == 0)
      }
    }
  }

  @Test func aPausedQueueIsLeftAloneUntilItsTime() async throws {
    let worker = try worker(concurrency: 1, prefetch: 4) { [self] task, context in
      seen.add("\(task.number) \(context.attempt)")
      if task.number == 1, broker.clock.now.timeIntervalSince1970 < 1_800_000_060 {
        throw Outcome.pause(until: Date(timeIntervalSince1970: 1_800_000_060))
      }
    }
    try await broker.working(worker) { [self] in
      let receipts = try await bus.enqueue([JobRequest(Chore(number: 1)), JobRequest(Chore(number: 2))])
      #expect(try await seen.next() == "1 1")
      try await broker.wait(for: "both are back") {
        try await broker.queues().contains { $0.name == "tasks" && $0.ready == 2 && $0.running == 0 }
      }
      try await broker.wait(for: "the worker waits for the end of the pause") {
        broker.virtualClock.nextWake.map { $0 <= Date(timeIntervalSince1970: 1_800_000_060) } ?? false
      }
      broker.advance(by: .seconds(60))
      #expect(try await seen.next(2) == ["1 1", "2 1"])
      for receipt in receipts { try await broker.completed(receipt.id) }
    }
  }

  @Test func whenOneQueueCannotBeWorkedOnTheOthersEndInGoodOrderAndTheErrorIsThrown() async throws {
    let worker = try Worker(broker, name: "w", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }) {
      On(Chore.self) { [self] _, _ in seen.add("handled") }
      Subscription(Queue("gone").adopted()) { OnAny { _, _ in } }
    }
    try await broker.withBroker { broker in
      try await broker.apply(Topology(jobs: [Chore.self]))
      let error = await #expect(throws: BrokerError.self) {
        try await within { try await worker.run() }
      }
      #expect(error?.code == .notFound)
    }
  }

  @Test func aForeignMessageGetsTheIDThatItsCodecFindsInTheBody() async throws {
    let worker = try Worker(broker, name: "w", logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }) {
      Subscription("foreign", on: "shop") { OnAny { [self] message, _ in seen.add(message.id?.rawValue ?? "none") } }
        .codec(OrderCodec())
    }
    try await broker.working(worker) { [self] in
      _ = try await broker.publish([
        Publication(Message(id: nil, name: nil, body: Data("order-7".utf8)), to: .exchange("shop", "order"))
      ])
      #expect(try await seen.next() == "order-7")
    }
  }

  private struct OrderCodec: MessageCodec {
    func encode<M: TypedMessage>(_ message: M, at time: Date) throws -> Data { Data() }
    func decode<M: TypedMessage>(_ type: M.Type, from message: Message) throws -> M { throw Oops() }
    func name(in message: Message) -> MessageName? { nil }
    func id(in message: Message) -> MessageID? { MessageID(String(decoding: message.body, as: UTF8.self)) }
  }
}

/// Keeps what is warned of about the end of a stop.
private struct WarningHandler: LogHandler {
  let lines: Log<String>
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .warning
  init(lines: Log<String>) { self.lines = lines }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
  func log(event: LogEvent) {
    let text = event.message.description
    guard text.hasPrefix("The stop deadline is over"), let id = event.metadata?["message.id"] else { return }
    lines.add("The stop deadline is over \(id)")
  }
}

/// Runs a service until it is told to shut down gracefully.
private actor Trigger {
  private var group: ServiceGroup?

  func run(_ service: any Service) async throws {
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: service)], logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
    self.group = group
    try await group.run()
  }
  func trigger() async { await group?.triggerGracefulShutdown() }
}
