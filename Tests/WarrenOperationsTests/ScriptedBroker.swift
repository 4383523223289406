import BrokerConformance
import Foundation
import Synchronization
import Warren
import WarrenOperations
import WarrenTesting

/// The broker of tests, some of whose answers a test gives itself: what another program does meanwhile, a queue that is gone,
/// an error half way.
final class ScriptedBroker: ForwardingBroker, InspectableBroker, OperableBroker, DeadLetterBroker {
  struct Script {
    /// In place of the engine's own answers.
    var queues: [QueueStatus]?
    var workers: [WorkerStatus]?
    var findings: [Finding]?
    /// Whether the engine cannot tell its queues and workers.
    var isBlind = false
    /// Whether the engine cannot keep repeats of unique jobs out.
    var knowsNoKeys = false
    /// Origins that a replay cannot reach.
    var gone: Set<QueueName> = []
    /// Called before each replay.
    var meanwhile: @Sendable (ScriptedBroker) async throws -> Void = { _ in }
    /// How many steps succeed before one fails.
    var stepsUntilFailure = Int.max
    /// What dead letters were asked for.
    var selections: [DeadLetterSelection] = []
  }
  let script = Mutex(Script())
  let base: TestBroker

  init() throws { base = try TestBroker(clock: VirtualClock(now: time(0))) }

  var capabilities: BrokerCapabilities {
    var capabilities = base.capabilities
    if script.withLock(\.knowsNoKeys) { capabilities.uniqueness = [] }
    return capabilities
  }

  func queues() async throws(BrokerError) -> [QueueStatus] {
    try requireSight()
    if let queues = script.withLock(\.queues) { return queues }
    return try await base.queues()
  }
  func workers() async throws(BrokerError) -> [WorkerStatus] {
    try requireSight()
    if let workers = script.withLock(\.workers) { return workers }
    return try await base.workers()
  }
  func diagnose() async throws(BrokerError) -> [Finding] {
    if let findings = script.withLock(\.findings) { return findings }
    return try await base.diagnose()
  }
  func glance() async throws(BrokerError) -> [Finding] { try await diagnose() }
  func queue(_ name: QueueName) async throws(BrokerError) -> QueueStatus? {
    try await queues().first { $0.name == name }
  }

  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    script.withLock { $0.selections.append(selection) }
    return try await base.deadLetters(selection)
  }

  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    try await step()
    let gone = script.withLock(\.gone)
    if gone.isEmpty { return try await base.replay(selection) }
    let chosen = try await base.deadLetters(selection).letters
    let reachable = chosen.filter { !gone.contains($0.origin) }.compactMap(\.message.id)
    let replayed =
      reachable.isEmpty ? 0 : try await base.replay(DeadLetterSelection(ids: reachable, limit: .max)).replayed
    // The engine's cursor of what stayed is the place behind the last of them.
    let stayed = chosen.count - replayed
    var behind = selection
    behind.limit = stayed
    let page = stayed == 0 ? nil : try await base.deadLetters(behind)
    return ReplayReport(replayed: replayed, stayed: stayed, next: page?.next)
  }

  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try await step()
    return try await base.deleteDeadLetters(selection)
  }

  private func requireSight() throws(BrokerError) {
    if script.withLock(\.isBlind) { throw BrokerError(.unsupported, "it cannot tell now") }
  }

  private func step() async throws(BrokerError) {
    let (meanwhile, fails) = script.withLock { script in
      script.stepsUntilFailure -= 1
      return (script.meanwhile, script.stepsUntilFailure < 0)
    }
    if fails { throw BrokerError(.unavailable, "the test lets this step fail") }
    do { try await meanwhile(self) } catch { throw BrokerError(.unavailable, "\(error)") }
  }
}

extension ScriptedBroker {
  /// Runs it, with the queues of these origins declared.
  static func running(
    _ origins: [QueueName] = ["mail"], _ body: @Sendable (ScriptedBroker, Operations) async throws -> Void
  ) async throws {
    let broker = try ScriptedBroker()
    try await broker.withBroker { broker in
      try await broker.apply(Topology(queues: origins.map { Queue($0) }))
      try await body(broker, Operations(broker))
    }
  }

  /// Puts a message into the queue `origin` and parks it, by default as soon as the others.
  func add(
    _ id: MessageID, origin: QueueName = "mail", name: MessageName = "email.send", at seconds: Double = 0,
    detail: String = "MailError: refused", failures: [Failure] = [], headers: Message.Headers = [:], body: String = "{}"
  ) async throws {
    base.virtualClock.advance(to: time(seconds))
    let message = Message(id: id, name: name, body: Data(body.utf8), headers: headers)
    _ = try await base.publish([Publication(message, to: .queue(origin))])
    try await base.consume(origin, prefetch: 1) { consumer in
      guard let delivery = await consumer.next() else { return }
      let history = History(attempts: 4, failures: failures)
      _ = try await self.base.settle(delivery, as: .deadLetter(DeadLetterReason(.exhausted, detail), history))
    }
  }

  /// The ids of the dead letters, the oldest first.
  var left: [MessageID?] {
    get async throws { try await base.deadLetters(DeadLetterSelection(limit: .max)).letters.map(\.message.id) }
  }

  /// How many messages wait in a queue.
  func ready(_ queue: QueueName) async throws -> Int { try await base.queue(queue)?.ready ?? -1 }
}

/// A broker that keeps the laws and can do nothing beyond them.
struct BareBroker: Broker {
  var capabilities: BrokerCapabilities {
    BrokerCapabilities(engine: "Bare 1", ordersByPriority: false, showsWaitingMessages: false, largestBody: 1000)
  }
  func run() async throws {}
  func apply(_ topology: Topology) async throws(BrokerError) {}
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] { [] }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result { throw BrokerError(.unsupported, "it delivers nothing") }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult { .stale }
}

/// The time that is so many seconds after the reference date.
func time(_ seconds: Double) -> Date { Date(timeIntervalSinceReferenceDate: seconds) }

extension DeadLetter {
  /// A dead letter of the queue `mail`.
  static func example(
    _ id: MessageID, detail: String = "MailError: refused", failures: [Failure] = [], headers: Message.Headers = [:],
    body: String = "{}"
  ) -> DeadLetter {
    DeadLetter(
      message: Message(id: id, name: "email.send", body: Data(body.utf8), headers: headers), queue: "mail.dlq",
      origin: "mail", exchange: nil, routingKey: "mail", reason: DeadLetterReason(.exhausted, detail),
      time: Date(timeIntervalSinceReferenceDate: 0),
      history: History(attempts: 4, failures: failures))
  }
}
