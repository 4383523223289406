import Foundation
import ServiceLifecycle
import Synchronization
import Warren

/// A broker that keeps what it is given and delivers nothing: enough for what an operator does.
final class FakeBroker: InspectableBroker, OperableBroker, DeadLetterBroker {
  struct State {
    var queues: [QueueStatus] = []
    var workers: [WorkerStatus] = []
    var findings: [Finding] = []
    /// By position, which grows.
    var letters: [(position: Int64, letter: DeadLetter)] = []
    var lastPosition: Int64 = 0
    /// Origins that a replay cannot reach.
    var gone: Set<QueueName> = []
    var replayed: [MessageID] = []
    var published: [Publication] = []
    var result = PublishResult.stored
    /// Called before each replay: what happens meanwhile.
    var meanwhile: @Sendable (FakeBroker) -> Void = { _ in }
    /// How many steps succeed before one fails.
    var stepsUntilFailure = Int.max
    /// What dead letters were asked for.
    var selections: [DeadLetterSelection] = []
  }
  let state = Mutex(State())

  func add(_ letter: DeadLetter) {
    state.withLock { state in
      state.lastPosition += 1
      state.letters.append((state.lastPosition, letter))
    }
  }

  var capabilities: BrokerCapabilities {
    BrokerCapabilities(
      engine: "Fake 1", uniqueness: [.keep], ordersByPriority: true, showsWaitingMessages: true, largestBody: 1000)
  }
  func run() async throws { try? await gracefulShutdown() }
  func apply(_ topology: Topology) async throws(BrokerError) {}
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] {
    state.withLock { state in
      state.published += publications
      return publications.map { _ in state.result }
    }
  }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    throw BrokerError(.unsupported, "the fake delivers nothing")
  }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult { .stale }

  func queues() async throws(BrokerError) -> [QueueStatus] { state.withLock(\.queues) }
  func workers() async throws(BrokerError) -> [WorkerStatus] { state.withLock(\.workers) }
  func differences(from topology: Topology) async throws(BrokerError) -> [TopologyDifference] { [] }
  func topology() async throws(BrokerError) -> Topology { try Topology() }
  func diagnose() async throws(BrokerError) -> [Finding] { state.withLock(\.findings) }

  func pause(_ queue: QueueName) async throws(BrokerError) {}
  func resume(_ queue: QueueName) async throws(BrokerError) {}
  func purge(_ queue: QueueName) async throws(BrokerError) -> Int { 0 }

  func deadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    state.withLock { state in
      state.selections.append(selection)
      let matching = matching(selection, in: state)
      let page = matching.prefix(selection.limit)
      return DeadLetterPage(
        letters: page.map(\.letter),
        next: matching.count > page.count ? page.last.map { .init(position: $0.position) } : nil)
    }
  }

  func replay(_ selection: DeadLetterSelection) async throws(BrokerError) -> ReplayReport {
    state.withLock(\.meanwhile)(self)
    try countStep()
    return state.withLock { state in
      let chosen = matching(selection, in: state).prefix(selection.limit)
      let reachable = chosen.filter { !state.gone.contains($0.letter.origin) }
      let positions = Set(reachable.map(\.position))
      state.replayed += reachable.compactMap(\.letter.message.id)
      state.letters.removeAll { positions.contains($0.position) }
      let stayed = chosen.count - reachable.count
      return ReplayReport(
        replayed: reachable.count, stayed: stayed,
        next: stayed == 0 ? nil : chosen.last.map { .init(position: $0.position) })
    }
  }

  func replace(_ id: MessageID, in queue: QueueName?, with edited: Message) async throws(BrokerError) {
    state.withLock { state in
      state.letters.removeAll { $0.letter.message.id == id && (queue == nil || $0.letter.queue == queue) }
      state.published.append(Publication(edited, to: .queue("edited")))
    }
  }

  func deleteDeadLetters(_ selection: DeadLetterSelection) async throws(BrokerError) -> Int {
    try countStep()
    return state.withLock { state in
      let positions = Set(matching(selection, in: state).prefix(selection.limit).map(\.position))
      state.letters.removeAll { positions.contains($0.position) }
      return positions.count
    }
  }

  private func countStep() throws(BrokerError) {
    let fails = state.withLock { state in
      state.stepsUntilFailure -= 1
      return state.stepsUntilFailure < 0
    }
    if fails { throw BrokerError(.unavailable, "the fake went away") }
  }

  private func matching(
    _ selection: DeadLetterSelection, in state: State
  ) -> [(position: Int64, letter: DeadLetter)] {
    state.letters.filter { position, letter in
      (selection.queue.map { $0 == letter.queue } ?? true) && (selection.origin.map { $0 == letter.origin } ?? true)
        && (selection.ids.isEmpty || letter.message.id.map(selection.ids.contains) == true)
        && (selection.name.map { $0 == letter.message.name } ?? true)
        && (selection.reason.map { $0 == letter.reason.kind } ?? true)
        && (selection.text.map { letter.reason.detail.contains($0) } ?? true)
        && (selection.until.map { letter.time <= $0 } ?? true)
        && (selection.after.map { position > $0.position } ?? true)
    }
  }
}

/// A broker that keeps the laws and can do nothing beyond them.
struct BareBroker: Broker {
  var capabilities: BrokerCapabilities {
    BrokerCapabilities(
      engine: "Bare 1", ordersByPriority: false, showsWaitingMessages: false, largestBody: 1000)
  }
  func run() async throws {}
  func apply(_ topology: Topology) async throws(BrokerError) {}
  func publish(_ publications: [Publication]) async throws(BrokerError) -> [PublishResult] { [] }
  func consume<Result: Sendable>(
    _ queue: QueueName, prefetch: Int, _ body: @Sendable (Consumer) async throws -> Result
  ) async throws -> Result {
    throw BrokerError(.unsupported, "the fake delivers nothing")
  }
  func settle(_ delivery: Delivery, as settlement: Settlement) async throws(BrokerError) -> SettleResult { .stale }
}

/// The time is the reference date and so many seconds.
func time(_ seconds: Double) -> Date { Date(timeIntervalSinceReferenceDate: seconds) }

/// The time stands still.
struct StillClock: BrokerClock {
  var now: Date
  func sleep(until time: Date) async throws {}
}

extension DeadLetter {
  /// A dead letter of the queue `mail` or another.
  static func example(
    _ id: MessageID, origin: QueueName = "mail", name: MessageName = "email.send", at seconds: Double = 0,
    detail: String = "MailError: refused", failures: [Failure] = [], headers: Message.Headers = [:],
    body: String = "{}"
  ) -> DeadLetter {
    DeadLetter(
      message: Message(id: id, name: name, body: Data(body.utf8), headers: headers), queue: QueueName("\(origin).dlq"),
      origin: origin, exchange: nil, routingKey: RoutingKey(origin.rawValue),
      reason: DeadLetterReason(.exhausted, detail), time: Date(timeIntervalSinceReferenceDate: seconds),
      history: History(attempts: 4, failures: failures))
  }
}
