public import Foundation
public import Warren

/// A broker on one screen. What the engine cannot tell is missing: unknown is not none.
public struct Overview: Sendable, Equatable, Codable {
  /// The engine, with its version.
  public var engine: String
  /// How it is: as bad as its worst finding.
  public var health: Finding.Severity
  /// When this was looked up.
  public var time: Date
  /// All queues, by name.
  public var queues: [QueueStatus]?
  /// The workers that are connected.
  public var workers: [WorkerStatus]?
  /// What is not well, the worst first.
  public var findings: [Finding]

  /// An overview; its health is that of its worst finding.
  public init(engine: String, time: Date, queues: [QueueStatus]?, workers: [WorkerStatus]?, findings: [Finding]) {
    self.engine = engine
    self.time = time
    self.queues = queues
    self.workers = workers
    self.findings = findings
    health = findings.map(\.severity).max() ?? .fine
  }

  /// What the engine cannot tell is `null`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(engine, forKey: .engine)
    try container.encode(health, forKey: .health)
    try container.encode(time, forKey: .time)
    try container.encode(queues, forKey: .queues)
    try container.encode(workers, forKey: .workers)
    try container.encode(findings, forKey: .findings)
  }
}

extension Operations {
  /// The broker on one screen, with what is not well. It costs the same however many messages there are; ``diagnosis(rule:)``
  /// looks at all of them.
  public func overview(rule: HealthRule = HealthRule()) async throws(BrokerError) -> Overview {
    let queues = try await knownQueues()
    var workers = try await knownWorkers()
    // The engine's list may be late: where queues have consumers, none is unknown.
    if workers?.isEmpty == true, queues?.contains(where: { $0.consumers > 0 }) == true { workers = nil }
    let findings = sorted(
      try await inspectable.glance() + rule.findings(about: queues ?? [], now: clock.now) + breakerFindings()
    ).filter { $0.severity != .fine }
    return Overview(
      engine: broker.capabilities.engine, time: clock.now, queues: queues, workers: workers, findings: findings)
  }

  /// Everything that was looked at, what is fine included, the worst first.
  public func diagnosis(rule: HealthRule = HealthRule()) async throws(BrokerError) -> [Finding] {
    let queues = try await knownQueues() ?? []
    return sorted(
      try await inspectable.diagnose() + rule.findings(about: queues, now: clock.now) + breakerFindings())
  }

  /// What the engine runs on.
  public func describe() async throws(BrokerError) -> BrokerDescription { try await inspectable.describe() }

  /// Makes true again what the broker's store says; no message is deleted. See ``Warren/RepairableBroker``.
  ///
  /// - Returns: what was repaired. ``diagnosis(rule:)`` tells what is left.
  public func repair() async throws(BrokerError) -> [Finding] {
    let broker = try repairable
    return try await audited("store.repair", done: { ($0.count, nil) }) { () throws(BrokerError) in
      try await broker.repair()
    }
  }

  /// All queues; `nil` where the engine cannot list them now, which is then among its findings.
  private func knownQueues() async throws(BrokerError) -> [QueueStatus]? {
    _ = try inspectable
    do { return try await queues() } catch  where error.code == .unsupported { return nil }
  }

  private func knownWorkers() async throws(BrokerError) -> [WorkerStatus]? {
    do { return try await workers() } catch  where error.code == .unsupported { return nil }
  }

  /// The breakers that are open, as far as there is a store that tells.
  private func breakerFindings() async throws(BrokerError) -> [Finding] {
    guard let store else { return [] }
    return try await Breakers(store, clock: clock).all().flatMap { $0.findings(now: clock.now) }
  }

  private func sorted(_ all: [Finding]) -> [Finding] {
    // Stable: within a severity the order is that of the looking.
    Finding.Severity.allCases.reversed().flatMap { severity in all.filter { $0.severity == severity } }
  }
}
